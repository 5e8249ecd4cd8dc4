/**
 * A panel of a report as it stands in the text: one JSON object in a fenced block.
 *
 * Whoever writes may write anything, so all of it is read with care: what is wrong is said where
 * the panel would be.
 */

import { decodeBoard, type ChartSettings, type Extra } from "../panels/settings";

/** Which runs a panel is of: some by their ids, or those that pass a filter. */
export interface RunsOf {
  experiment: string;
  filter?: string;
  order?: string[];
  limit?: number;
  runs?: string[];
}

interface Common {
  title?: string;
  /** Its data is that of this pin, and never changes. */
  pin?: string;
}

export type ChartPanel = Common & RunsOf & Extra & { settings?: Partial<ChartSettings> };
export type RunsPanel = Common & RunsOf & { kind: "runs"; columns: string[] };
export type ImagePanel = Common & { kind: "image"; run: string; path: string };
export type SqlPanel = Common & { kind: "sql"; query: string };
export type ReportPanel = ChartPanel | RunsPanel | ImagePanel | SqlPanel;

export type Read = { panel: ReportPanel } | { error: string };

/** As many runs as a panel draws and lists where it does not say. */
export const RUNS_USUAL = 100;
const RUNS_MAX = 1_000;
const LISTED_MAX = 1_000;
const TEXT_CHARS_MAX = 20_000;

export function readPanel(text: string): Read {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch (error) {
    return { error: `This is no JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  if (typeof said !== "object" || said === null || Array.isArray(said))
    return { error: "A panel is a JSON object: {…}." };
  return panelOf(said as Record<string, unknown>);
}

function panelOf(said: Record<string, unknown>): Read {
  const kind = said["kind"];
  const common: Common = {
    ...optional("title", textOf(said["title"])),
    ...optional("pin", textOf(said["pin"])),
  };
  if (kind === "image") {
    const [run, path] = [textOf(said["run"]), textOf(said["path"])];
    if (!run || !path) return { error: "An image needs a run and the path of a file of it." };
    return { panel: { ...common, kind, run, path } };
  }
  if (kind === "sql") {
    const query = textOf(said["query"]);
    return query ? { panel: { ...common, kind, query } } : { error: "A table needs a query." };
  }
  const of = runsOf(said);
  if (of === null) return { error: 'The panel does not say of which "experiment" it is.' };
  if (kind === "runs") {
    const columns = textsOf(said["columns"]).slice(0, 100);
    return { panel: { ...common, ...of, kind, columns: columns.length ? columns : ["name"] } };
  }
  // The board of charts reads its own panels from addresses with the same care.
  const board = decodeBoard(JSON.stringify({ all: said["settings"], extra: [said] }));
  const extra = board.extra[0];
  if (extra === undefined)
    return {
      error: `“${String(kind).slice(0, 40)}” is no kind of panel, or a part of it is missing.`,
    };
  const settings = Object.keys(board.all).length ? { settings: board.all } : {};
  return { panel: { ...common, ...of, ...partsOf(extra), ...settings } };
}

/** Only what a chart knows, so that nothing else is written back. */
function partsOf(extra: Extra): Extra {
  switch (extra.kind) {
    case "lines":
      return { kind: "lines", keys: extra.keys };
    case "scatter":
      return { kind: "scatter", x: extra.x, y: extra.y };
    case "bar":
      return { kind: "bar", column: extra.column, ...optional("by", textOf(extra.by)) };
    case "parallel":
      return { kind: "parallel", columns: extra.columns };
    case "histogram":
      return { kind: "histogram", run: extra.run, name: extra.name };
    case "importance":
      return { kind: "importance", metric: extra.metric };
  }
}

function runsOf(said: Record<string, unknown>): RunsOf | null {
  const experiment = textOf(said["experiment"]);
  if (!experiment) return null;
  const limit = said["limit"];
  const runs = textsOf(said["runs"]).slice(0, LISTED_MAX);
  return {
    experiment,
    ...optional("filter", textOf(said["filter"])),
    ...(Array.isArray(said["order"]) && { order: textsOf(said["order"]) }),
    ...(typeof limit === "number" &&
      limit >= 1 && { limit: Math.min(RUNS_MAX, Math.floor(limit)) }),
    ...(runs.length && { runs }),
  };
}

function optional<Name extends string>(name: Name, value: string): { [K in Name]?: string } {
  return (value ? { [name]: value } : {}) as { [K in Name]?: string };
}

const textOf = (value: unknown): string =>
  typeof value === "string" ? value.slice(0, TEXT_CHARS_MAX) : "";

const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === "string") : [];

/** A panel as a fenced block. */
export function writePanel(panel: ReportPanel): string {
  const { kind, ...rest } = panel;
  const lines = Object.entries({ kind, ...rest }).map(
    ([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`,
  );
  const text = `{\n${lines.join(",\n")}\n}`;
  // A fence inside a text would end the block.
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((found) => found[0].length));
  const fence = "`".repeat(longest + 1);
  return `${fence}panel\n${text}\n${fence}`;
}

/** The question for the runs of a panel. */
export function windowOf(panel: RunsOf, columns: readonly string[], usual = RUNS_USUAL) {
  const ids = panel.runs?.map((id) => `'${id.replaceAll("'", "''")}'`).join(", ");
  return {
    experiments: [panel.experiment],
    filter: ids ? `run_id in (${ids})` : (panel.filter ?? ""),
    order: panel.order ?? [],
    columns: ["name", ...columns.filter((name) => name !== "name")],
    limit: panel.limit ?? (ids ? LISTED_MAX : usual),
  };
}
