/** One value in full, beside the baseline's, and what can be done with its key and run. */

import { useQuery } from "@tanstack/react-query";

import {
  askSheet,
  COMPARED,
  type Cell,
  type ComparedRun,
  type SheetAsked,
  type SheetRow,
} from "../../api/compare";
import type { Search } from "../../router";
import { Button, Dialog, Failure, Waiting } from "../../ui";
import { count, number } from "../../ui/format";
import { CopyButton } from "../../ui/parts";
import { ODD } from "./cells";
import { changed } from "./changed";
import { nameOf } from "./Heads";
import { joined } from "./state";

export interface Opened {
  row: SheetRow;
  /** Its line, */
  at: number;
  /** and the run's place; −1 for the key itself. */
  column: number;
  run: ComparedRun | undefined;
}

const WHOLE = 100_000;

export function CellDialog(props: {
  opened: Opened;
  asked: SheetAsked;
  base: ComparedRun | undefined;
  onClose: () => void;
  onIgnore: () => void;
  onSet: (changes: Search) => void;
}) {
  const { opened, asked, base, onSet } = props;
  const { row, run } = opened;
  const isMetric = asked.family === "metrics";
  const { rows } = asked;
  function turn() {
    const less = rows.less.filter((one) => one !== row.key);
    const more = rows.more.filter((one) => one !== row.key);
    (row.less ? more : less).push(row.key);
    onSet({ less: joined(less) || undefined, more: joined(more) || undefined });
  }
  return (
    <Dialog title={row.key} isOpen onClose={props.onClose} width="44rem">
      <p className="mb-3 text-muted">
        {row.section} · {count(row.values, "different value")}
        {row.missing > 0 && ` · ${count(row.missing, "run")} without`}
        {isMetric && ` · ${row.less ? "less" : "more"} is better`}
      </p>
      {run && <Whole opened={opened} run={run} asked={asked} base={base} />}
      <div className="mt-4 flex flex-wrap gap-2">
        {isMetric ? (
          <>
            <Button
              look="main"
              onClick={() =>
                onSet({
                  tab: "why",
                  metric: row.key,
                  goal: row.less ? "less" : undefined,
                  by: rows.take === "min" || rows.take === "max" ? rows.take : undefined,
                })
              }
            >
              What goes along with it?
            </Button>
            <Button onClick={turn}>{row.less ? "More" : "Less"} of it is better</Button>
          </>
        ) : null}
        {run && run.run_id !== rows.baseline && (
          <Button onClick={() => onSet({ base: run.run_id })}>Compare with this run</Button>
        )}
        <Button onClick={props.onIgnore}>Ignore this key</Button>
      </div>
    </Dialog>
  );
}

function Whole(props: {
  opened: Opened;
  run: ComparedRun;
  asked: SheetAsked;
  base: ComparedRun | undefined;
}) {
  const { opened, run, base } = props;
  const found = useQuery({
    queryKey: [COMPARED, "cell", props.asked, opened.at, opened.column],
    queryFn: ({ signal }) =>
      askSheet(
        props.asked,
        {
          offset: opened.at,
          limit: 1,
          column_offset: opened.column,
          column_limit: 1,
          chars: WHOLE,
        },
        signal,
      ),
    staleTime: Infinity,
  });
  if (found.isPending) return <Waiting />;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  const row = found.data.rows[0];
  const value = row?.cells?.[0] ?? null;
  const other = row?.base ?? null;
  const hasOther = base !== undefined && base.run_id !== run.run_id;
  return (
    <div className="grid gap-3">
      <Value name={nameOf(run)} value={value} from={hasOther ? other : value} />
      {hasOther && <Value name={`${nameOf(base)} (baseline)`} value={other} from={value} />}
    </div>
  );
}

function Value({ name, value, from }: { name: string; value: Cell; from: Cell }) {
  const text = value === null ? null : String(value);
  const [head, middle, tail] =
    text !== null && from !== null && from !== value ? changed(String(from), text) : [text, "", ""];
  return (
    <section>
      <h3 className="flex items-center gap-2 font-medium">
        <span dir="auto" className="min-w-0 truncate">
          {name}
        </span>
        {text !== null && <CopyButton text={text} />}
      </h3>
      {text === null ? (
        <p className="text-muted">The run does not have it.</p>
      ) : (
        <pre className="max-h-60 overflow-auto rounded bg-raised p-2 font-mono text-xs break-all whitespace-pre-wrap">
          {typeof value === "number" ? `${number(value)}  (${value})` : (ODD[text] ?? head)}
          {typeof value !== "number" && middle && (
            <mark className="bg-warn/30 text-text">{middle}</mark>
          )}
          {typeof value !== "number" && tail}
        </pre>
      )}
    </section>
  );
}
