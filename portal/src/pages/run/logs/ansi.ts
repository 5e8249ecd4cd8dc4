/**
 * Terminal colours in lines of a log.
 *
 * Programs choose among millions of colours for a background that we do not have, so each becomes
 * the nearest of the few that every theme can be read in. All other control sequences are dropped.
 */

export type Colour = "bad" | "good" | "warn" | "accent" | "muted" | null;

export interface Piece {
  text: string;
  colour: Colour;
  isBold: boolean;
  isDim: boolean;
  isItalic: boolean;
  isUnderlined: boolean;
}

type Look = Omit<Piece, "text">;

const PLAIN: Look = {
  colour: null,
  isBold: false,
  isDim: false,
  isItalic: false,
  isUnderlined: false,
};
const NAMED: readonly Colour[] = [null, "bad", "good", "warn", "accent", "accent", "accent", null];
const CONTROL =
  /\x1b\[([0-9;:]*)([@-~])|\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\^_]|[\x00-\x08\x0b-\x1f\x7f]/g;

/** What a terminal shows in the end of a line that was written over and over, as by a bar. */
export function overwritten(text: string): string {
  if (!text.includes("\r")) return text;
  return text.split("\r").findLast((part) => part !== "") ?? "";
}

/** The text alone. */
export function stripped(text: string): string {
  return overwritten(text).replace(CONTROL, "");
}

/** The text in pieces of one look each. */
export function pieces(line: string): Piece[] {
  const text = overwritten(line);
  const found: Piece[] = [];
  let look = PLAIN;
  let from = 0;
  const put = (to: number) => {
    if (to > from) found.push({ ...look, text: text.slice(from, to) });
  };
  for (const match of text.matchAll(CONTROL)) {
    put(match.index);
    from = match.index + match[0].length;
    if (match[2] === "m") look = changed(look, match[1] ?? "");
  }
  put(text.length);
  return found;
}

function changed(before: Look, codes: string): Look {
  const look = { ...before };
  const numbers = codes.split(/[;:]/).map(Number);
  for (let place = 0; place < numbers.length; place++) {
    const code = numbers[place] ?? 0;
    if (code === 0) Object.assign(look, PLAIN);
    else if (code === 1) look.isBold = true;
    else if (code === 2) look.isDim = true;
    else if (code === 3) look.isItalic = true;
    else if (code === 4) look.isUnderlined = true;
    else if (code === 22) look.isBold = look.isDim = false;
    else if (code === 23) look.isItalic = false;
    else if (code === 24) look.isUnderlined = false;
    else if (code >= 30 && code <= 37) look.colour = NAMED[code - 30] ?? null;
    else if (code >= 90 && code <= 97) look.colour = code === 90 ? "muted" : NAMED[code - 90]!;
    else if (code === 39) look.colour = null;
    else if (code === 38 || code === 48) {
      const isPalette = numbers[place + 1] === 5;
      const rgb = isPalette
        ? ofPalette(numbers[place + 2] ?? 0)
        : (numbers.slice(place + 2, place + 5) as [number, number, number]);
      if (code === 38) look.colour = typeof rgb === "object" && rgb ? nearest(...rgb) : rgb;
      place += isPalette ? 2 : 4;
    }
  }
  return look;
}

/** A colour of the palette of 256: one of the names, or what it is made of. */
function ofPalette(number: number): Colour | [number, number, number] {
  if (number < 8) return NAMED[number] ?? null;
  if (number < 16) return number === 8 ? "muted" : (NAMED[number - 8] ?? null);
  if (number >= 232) return number < 246 ? "muted" : null;
  const cube = number - 16;
  const level = (step: number) => (step === 0 ? 0 : 55 + step * 40);
  return [level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)];
}

function nearest(red: number, green: number, blue: number): Colour {
  const [high, low] = [Math.max(red, green, blue), Math.min(red, green, blue)];
  if (!(high - low > 40)) return high < 140 ? "muted" : null;
  if (blue === high) return "accent";
  if (green === high) return red > green * 0.75 ? "warn" : "good";
  return green > red * 0.55 ? "warn" : "bad";
}
