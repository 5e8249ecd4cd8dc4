/** Numbers, times and sizes as people read them. */

/** Made when it is first used: a browser takes as long for one as for a page of rows. */
export function formatOf<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

const relative = formatOf(() => new Intl.RelativeTimeFormat("en", { numeric: "auto" }));
const exact = formatOf(
  () => new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" }),
);
const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** A value with so many digits as are worth reading; NaN and the infinities by name. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined) return "";
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return value.toLocaleString("en");
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return value.toExponential(3);
  return String(Number(value.toPrecision(5)));
}

/** US dollars: cents where it is many, three digits where it is a fraction of one. */
export function dollars(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "";
  if (value === 0) return "$0";
  const words = Math.abs(value) >= 1 ? value.toFixed(2) : String(Number(value.toPrecision(3)));
  return `$${words.includes("e") ? words : words.replace(/^\d+/, (n) => Number(n).toLocaleString("en"))}`;
}

export function count(value: number, one: string, many = `${one}s`): string {
  return `${value.toLocaleString("en")} ${value === 1 ? one : many}`;
}

type Moment = string | number | Date | null | undefined;

function date(moment: Moment): Date | null {
  if (moment === null || moment === undefined || moment === "") return null;
  const found = moment instanceof Date ? moment : new Date(moment);
  return Number.isNaN(found.getTime()) ? null : found;
}

/** How long ago, in words. */
export function ago(moment: Moment, now = Date.now()): string {
  const found = date(moment);
  if (found === null) return "";
  const seconds = (found.getTime() - now) / 1000;
  for (const [unit, length] of STEPS)
    if (Math.abs(seconds) >= length) return relative().format(Math.round(seconds / length), unit);
  return Math.abs(seconds) < 10 ? "just now" : relative().format(Math.round(seconds), "second");
}

export function when(moment: Moment): string {
  const found = date(moment);
  return found === null ? "" : exact().format(found);
}

export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${Number(seconds.toPrecision(3))} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48
    ? `${hours} h ${minutes % 60} min`
    : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function size(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined) return "";
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : Number(value.toPrecision(3))} ${units[unit]}`;
}
