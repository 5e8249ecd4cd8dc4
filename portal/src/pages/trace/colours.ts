/** Colours of bars: one for each kind of work, or for each name where spans do not say theirs. */

import { COLOURS, colourIndex, coloursOf, type Shade } from "../../plot/palette";
import type { Spans } from "./tree";

export interface BarColours {
  /** The kinds of work there are, most frequent first; empty where spans do not say theirs. */
  kinds: readonly { name: string; count: number; colour: number }[];
  of: (span: number) => number;
}

const OTHER = "OTHER";

export function barColours(spans: Spans): BarColours {
  const counts = new Map<string, number>();
  for (const type of spans.types) if (type !== null) counts.set(type, (counts.get(type) ?? 0) + 1);
  if (counts.size === 0)
    return { kinds: [], of: (span) => colourIndex(withoutNumbers(spans.names[span] ?? "")) };
  const unsaid = spans.ids.length - [...counts.values()].reduce((sum, one) => sum + one, 0);
  if (unsaid > 0) counts.set(OTHER, (counts.get(OTHER) ?? 0) + unsaid);
  const colours = coloursOf([...counts.keys()]);
  return {
    kinds: [...counts]
      .map(([name, count]) => ({ name, count, colour: colours.get(name)! }))
      .sort((a, b) => b.count - a.count),
    of: (span) => colours.get(spans.types[span] ?? OTHER) ?? 0,
  };
}

/** `item 17` and `item 18` are the same kind of work. */
function withoutNumbers(name: string): string {
  return name.replace(/\d+/g, "#");
}

export function shown(colour: number, shade: Shade): string {
  return COLOURS[shade][colour % COLOURS[shade].length]!;
}
