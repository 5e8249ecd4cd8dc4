/** Choosing a panel to put into a report: of an experiment's runs, an image, or a query. */

import { useState } from "react";

import { useExperiments } from "../api/experiments";
import { ChartForm } from "../panels/AddPanel";
import { QueryBar } from "../query/QueryBar";
import { Button, cx, Dialog } from "../ui";
import { useRows } from "./answers";
import type { ReportPanel } from "./panel";

const KINDS = [
  ["chart", "Chart"],
  ["runs", "Table of runs"],
  ["image", "Image"],
  ["sql", "SQL"],
] as const;

const FIELD = "h-7 w-full rounded border border-line bg-ground px-2";
const USUAL_COLUMNS = ["name", "status", "started_at", "duration"];

interface Props {
  /** The experiment to begin with. */
  experiment: string;
  onInsert: (panel: ReportPanel) => void;
  onClose: () => void;
}

export function InsertPanel({ experiment, onInsert, onClose }: Props) {
  const [kind, setKind] = useState<(typeof KINDS)[number][0]>("chart");
  return (
    <Dialog title="Insert a panel" isOpen onClose={onClose} width="46rem">
      <div role="group" aria-label="Kind of panel" className="mb-3 flex">
        {KINDS.map(([name, label]) => (
          <button
            key={name}
            type="button"
            aria-pressed={kind === name}
            onClick={() => setKind(name)}
            className={cx(
              "h-7 border border-l-0 border-line px-3 first:rounded-l first:border-l last:rounded-r",
              kind === name ? "bg-chosen font-medium" : "hover:bg-raised",
            )}
          >
            {label}
          </button>
        ))}
      </div>
      {kind === "image" ? (
        <ImageForm onInsert={onInsert} />
      ) : kind === "sql" ? (
        <SqlForm onInsert={onInsert} />
      ) : (
        <OfExperiment kind={kind} begun={experiment} onInsert={onInsert} />
      )}
    </Dialog>
  );
}

function OfExperiment({
  kind,
  begun,
  onInsert,
}: { kind: "chart" | "runs"; begun: string } & Pick<Props, "onInsert">) {
  const experiments = useExperiments();
  const [chosen, setChosen] = useState(begun);
  const [filter, setFilter] = useState("");
  const listed = experiments.data ?? [];
  const experiment = chosen || (listed[0]?.experiment_id ?? "");
  const of = { experiment, ...(filter && { filter }) };
  if (experiments.isSuccess && listed.length === 0)
    return <p className="text-muted">There are no experiments yet, so there is nothing to show.</p>;
  return (
    <div className="flex flex-col gap-3">
      <label className="flex items-center gap-2">
        Experiment
        <select
          value={experiment}
          onChange={(event) => setChosen(event.target.value)}
          className="h-7 min-w-0 flex-1 rounded border border-line bg-panel px-1"
        >
          {listed.map((one) => (
            <option key={one.experiment_id} value={one.experiment_id}>
              {one.name}
            </option>
          ))}
        </select>
      </label>
      <div className="flex items-center gap-2">
        <span aria-hidden="true">Runs</span>
        <QueryBar
          value={filter}
          experiments={[experiment]}
          onApply={setFilter}
          placeholder="Which runs, as in the grid; empty for all. Enter applies."
        />
      </div>
      {experiment &&
        (kind === "chart" ? (
          <Chart of={of} key={experiment} onInsert={onInsert} />
        ) : (
          <RunsForm of={of} onInsert={onInsert} />
        ))}
    </div>
  );
}

type Of = { experiment: string; filter?: string };

const NO_COLUMNS: readonly string[] = [];

function Chart({ of, onInsert }: { of: Of } & Pick<Props, "onInsert">) {
  const found = useRows(of, NO_COLUMNS);
  const runs = (found.data?.rows ?? []).map((row) => ({
    runId: String(row["run_id"]),
    name: String(row["name"] ?? ""),
  }));
  return (
    <ChartForm
      experiment={of.experiment}
      runs={runs}
      onAdd={(extra) => onInsert({ ...of, ...extra })}
    />
  );
}

function RunsForm({ of, onInsert }: { of: Of } & Pick<Props, "onInsert">) {
  const [columns, setColumns] = useState(USUAL_COLUMNS.join(", "));
  const [order, setOrder] = useState("");
  const [limit, setLimit] = useState("20");
  const listed = (text: string) =>
    text
      .split(/,(?![^`]*`(?:[^`]*`[^`]*`)*[^`]*$)/)
      .map((one) => one.trim())
      .filter(Boolean);
  return (
    <form
      className="flex flex-col gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        onInsert({
          kind: "runs",
          ...of,
          columns: listed(columns),
          ...(order.trim() && { order: listed(order) }),
          limit: Math.max(1, Math.floor(Number(limit) || 20)),
        });
      }}
    >
      <label>
        Columns, as the filter language names them
        <input
          className={FIELD}
          value={columns}
          placeholder="name, params.lr, metrics.loss"
          onChange={(event) => setColumns(event.target.value)}
        />
      </label>
      <div className="flex gap-3">
        <label className="flex-1">
          Sorted by
          <input
            className={FIELD}
            value={order}
            placeholder="metrics.loss asc"
            onChange={(event) => setOrder(event.target.value)}
          />
        </label>
        <label>
          At most
          <input
            className={FIELD}
            type="number"
            min={1}
            max={1000}
            value={limit}
            onChange={(event) => setLimit(event.target.value)}
          />
        </label>
      </div>
      <Submit isReady={listed(columns).length > 0} />
    </form>
  );
}

function ImageForm({ onInsert }: Pick<Props, "onInsert">) {
  const [run, setRun] = useState("");
  const [path, setPath] = useState("");
  return (
    <form
      className="flex flex-col gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        onInsert({ kind: "image", run: run.trim(), path: path.trim() });
      }}
    >
      <label>
        Run, by its id
        <input
          autoFocus
          className={cx(FIELD, "font-mono")}
          value={run}
          onChange={(event) => setRun(event.target.value)}
        />
      </label>
      <label>
        Path of the image among its files
        <input
          className={cx(FIELD, "font-mono")}
          value={path}
          placeholder="media/confusion/10.png"
          onChange={(event) => setPath(event.target.value)}
        />
      </label>
      <Submit isReady={run.trim() !== "" && path.trim() !== ""} />
    </form>
  );
}

function SqlForm({ onInsert }: Pick<Props, "onInsert">) {
  const [query, setQuery] = useState("");
  const [title, setTitle] = useState("");
  return (
    <form
      className="flex flex-col gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        onInsert({ kind: "sql", query, ...(title.trim() && { title: title.trim() }) });
      }}
    >
      <label>
        Title
        <input className={FIELD} value={title} onChange={(event) => setTitle(event.target.value)} />
      </label>
      <label>
        One SELECT over the tables of the warehouse
        <textarea
          rows={6}
          spellCheck={false}
          value={query}
          placeholder="select status, count(*) as runs from runs group by all"
          onChange={(event) => setQuery(event.target.value)}
          className="w-full rounded border border-line bg-ground p-2 font-mono text-xs"
        />
      </label>
      <Submit isReady={query.trim() !== ""} />
    </form>
  );
}

function Submit({ isReady }: { isReady: boolean }) {
  return (
    <div className="flex justify-end">
      <Button type="submit" look="main" disabled={!isReady}>
        Insert
      </Button>
    </div>
  );
}
