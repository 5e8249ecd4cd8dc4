/** What parallel coordinates keep, and how they colour it. */

export type Brush = [number, number];

/** Which rows pass through all brushes. */
export function passing(
  places: readonly (readonly (number | null)[])[],
  brushes: ReadonlyMap<number, Brush>,
): boolean[] {
  return places.map((row) =>
    [...brushes].every(([column, [from, to]]) => {
      const at = row[column];
      return at !== null && at !== undefined && at >= from && at <= to;
    }),
  );
}

/** Low is blue, high is orange, in steps of lightness: told apart without colours as well. */
export function ramp(share: number, isDark: boolean): string {
  const hue = 235 - 190 * share;
  const light = isDark ? 0.55 + 0.3 * share : 0.45 + 0.27 * share;
  return `oklch(${light.toFixed(3)} 0.14 ${hue.toFixed(0)})`;
}
