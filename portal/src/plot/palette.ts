/**
 * Colours of lines: twenty for each theme, and dashes for lines that share one.
 *
 * Neighbours differ in lightness as well as in hue, and hues keep to blue–orange, teal–pink and
 * yellow–violet pairs, which all common kinds of colour blindness tell apart. A run's colour is
 * reckoned from its id, so it is the same on every page, for everybody, for ever.
 */

export type Shade = "light" | "dark";

/** On a white ground: at least 3 to 1 in contrast. */
const LIGHT = [
  "#0b66a0",
  "#c75300",
  "#00806b",
  "#b5307c",
  "#6a4bc4",
  "#8a6a00",
  "#2e3f8f",
  "#d0342c",
  "#3d7d1d",
  "#7d2f8a",
  "#1188b8",
  "#8c3b12",
  "#005f56",
  "#e0559b",
  "#4e2f9e",
  "#a97c00",
  "#4f7fd6",
  "#9c1f3d",
  "#5d8a3a",
  "#5b6570",
];

/** The same hues on a dark ground. */
const DARK = [
  "#5bb1ea",
  "#ff9a52",
  "#3fd0b5",
  "#f58ac4",
  "#ab97ff",
  "#e6c34a",
  "#8fa2f2",
  "#ff8178",
  "#93d36b",
  "#d391e0",
  "#7fd4f5",
  "#d99a72",
  "#6fb8ab",
  "#ffb8da",
  "#9a7ff0",
  "#ffdf80",
  "#a9c8ff",
  "#e8708c",
  "#c0e09c",
  "#a8b4bf",
];

export const COLOURS: Record<Shade, readonly string[]> = { light: LIGHT, dark: DARK };

/** Solid first; lengths in CSS pixels. */
export const DASHES: readonly (readonly number[])[] = [[], [7, 4], [2, 3], [9, 3, 2, 3], [4, 2]];

/** A number of an id, spread evenly (FNV-1a). */
export function hashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) {
    hash ^= id.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  hash ^= hash >>> 15;
  return hash >>> 0;
}

/** Which of the twenty colours an id has. */
export function colourIndex(id: string): number {
  return hashOf(id) % LIGHT.length;
}

export function colourOf(id: string, shade: Shade): string {
  return COLOURS[shade][colourIndex(id)]!;
}

/**
 * Colours of a few names, no two alike while there are enough: each has that of its name, or the
 * next that is free, in the order of the names.
 */
export function coloursOf(names: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  const free = new Set(LIGHT.keys());
  for (const name of [...names].sort()) {
    let colour = colourIndex(name);
    while (free.size && !free.has(colour)) colour = (colour + 1) % LIGHT.length;
    free.delete(colour);
    found.set(name, colour);
  }
  return found;
}

/** Dashes tell lines of one colour apart where there are few; among many they only cost time. */
const DASHED_MAX = 60;

/** For each line its dash: the first of a colour is solid, in the order of their ids. */
export function dashesOf(lines: readonly { id: string; colour: number }[]): Map<string, number> {
  const found = new Map<string, number>();
  if (lines.length > DASHED_MAX) return found;
  const used = new Map<number, number>();
  for (const line of [...lines].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const times = used.get(line.colour) ?? 0;
    used.set(line.colour, times + 1);
    found.set(line.id, times % DASHES.length);
  }
  return found;
}
