/** The colours of the theme for what is painted on a canvas. */

export interface Looks {
  text: string;
  muted: string;
  line: string;
  panel: string;
  accent: string;
  font: string;
}

/** As they are now; ask again when the theme changes. */
export function looksNow(): Looks {
  const styles = getComputedStyle(document.documentElement);
  const colour = (name: string) => styles.getPropertyValue(name).trim();
  return {
    text: colour("--text"),
    muted: colour("--muted"),
    line: colour("--line"),
    panel: colour("--panel"),
    accent: colour("--accent"),
    font: "11px ui-sans-serif, system-ui, sans-serif",
  };
}
