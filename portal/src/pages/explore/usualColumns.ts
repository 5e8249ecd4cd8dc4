/** The columns to begin with: what most runs of the experiment have. */

import { useQuery } from "@tanstack/react-query";

import { column, type Column } from "../../grid/columns";
import { askSuggestions } from "../../query/suggest";
import { BASE_COLUMNS } from "./state";

/** So many of those that all runs have stand before what tells runs apart. */
const BASE_FIRST = 3;
const METRICS = 5;
const PARAMS = 5;
const MACHINE = /\bsystem\//;
/** What people compare runs by, and what only says how far they got. */
const TELLING = /loss|acc|error|score|f1|auc|reward|perplexity|rmse|mae/i;
const COUNTING = /\b(epoch|step|lr|learning_rate|iteration)\b/i;

function rank(text: string): number {
  return TELLING.test(text) ? 0 : COUNTING.test(text) ? 2 : 1;
}

async function mostHad(begin: string, experiment: string, signal: AbortSignal) {
  const page = await askSuggestions(begin, begin.length, [experiment], "runs", signal);
  return page.items.filter((item) => item.kind === "key").map((item) => item.text);
}

/** Where all runs have thousands of keys, those that tell most are found by what they are called. */
const SOUGHT = ["metrics.loss", "metrics.acc", "metrics."];

async function readUsual(experiment: string, signal: AbortSignal): Promise<Column[]> {
  const [params, ...found] = await Promise.all(
    ["params.", ...SOUGHT].map((begin) => mostHad(begin, experiment, signal)),
  );
  const own = [...new Set(found.flat())]
    .filter((text) => !MACHINE.test(text))
    .sort((one, other) => rank(one) - rank(other));
  return [
    ...BASE_COLUMNS.slice(0, BASE_FIRST),
    ...own.slice(0, METRICS).map((text) => column(text)),
    ...(params ?? []).slice(0, PARAMS).map((text) => column(text)),
    ...BASE_COLUMNS.slice(BASE_FIRST),
  ];
}

/** Until the server has said, those that every run has; it is not asked where others are shown. */
export function useUsualColumns(experiment: string, isWanted: boolean): readonly Column[] {
  const usual = useQuery({
    queryKey: ["usual columns", experiment],
    queryFn: ({ signal }) => readUsual(experiment, signal),
    staleTime: Infinity,
    enabled: isWanted,
  });
  return usual.data ?? BASE_COLUMNS;
}
