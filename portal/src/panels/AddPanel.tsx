/** Adding a panel: its kind, and what it is of. */

import { useState } from "react";

import { Button, Dialog } from "../ui";
import { keyOf } from "./data";
import { KeyPicker } from "./KeyPicker";
import type { PanelRun } from "./LinesPanel";
import { toggled, type Extra } from "./settings";

type Family = "metrics" | "params";

interface Slot {
  name: string;
  label: string;
  families: readonly Family[];
  isMany?: boolean;
  isOptional?: boolean;
}

const METRICS: readonly Family[] = ["metrics"];
const BOTH: readonly Family[] = ["metrics", "params"];

const KINDS: readonly { kind: Extra["kind"]; label: string; slots: readonly Slot[] }[] = [
  {
    kind: "lines",
    label: "Lines of several metrics",
    slots: [{ name: "keys", label: "Metrics", families: METRICS, isMany: true }],
  },
  {
    kind: "scatter",
    label: "Scatter",
    slots: [
      { name: "x", label: "X axis", families: BOTH },
      { name: "y", label: "Y axis", families: BOTH },
    ],
  },
  {
    kind: "bar",
    label: "Bars",
    slots: [
      { name: "column", label: "Length", families: METRICS },
      {
        name: "by",
        label: "One bar for each (or none: each run)",
        families: ["params"],
        isOptional: true,
      },
    ],
  },
  {
    kind: "parallel",
    label: "Parallel coordinates",
    slots: [
      { name: "columns", label: "Axes, the last gives the colour", families: BOTH, isMany: true },
    ],
  },
  {
    kind: "importance",
    label: "Param importance",
    slots: [{ name: "metric", label: "Metric", families: METRICS }],
  },
  { kind: "histogram", label: "Histogram over steps", slots: [] },
];

export function AddPanel({
  experiment,
  runs,
  onAdd,
}: {
  experiment: string;
  runs: readonly PanelRun[];
  onAdd: (extra: Extra) => void;
}) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button onClick={() => setOpen(true)}>+ Panel</Button>
      <Dialog title="Add a panel" isOpen={isOpen} onClose={() => setOpen(false)} width="46rem">
        <ChartForm
          experiment={experiment}
          runs={runs}
          onAdd={(extra) => {
            onAdd(extra);
            setOpen(false);
          }}
        />
      </Dialog>
    </>
  );
}

/** What a chart shows: its kind, and the metrics and params it is of. */
export function ChartForm({
  experiment,
  runs,
  onAdd,
}: {
  experiment: string;
  runs: readonly PanelRun[];
  onAdd: (extra: Extra) => void;
}) {
  const [kind, setKind] = useState<Extra["kind"]>("scatter");
  const [chosen, setChosen] = useState<Record<string, string[]>>({});
  const [run, setRun] = useState(runs[0]?.runId ?? "");
  const [name, setName] = useState("");
  const { slots } = KINDS.find((one) => one.kind === kind)!;
  const isReady =
    kind === "histogram"
      ? run !== "" && name !== ""
      : slots.every((slot) => slot.isOptional || chosen[slot.name]?.length);
  const field = "h-7 w-full rounded border border-line bg-panel px-2";
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady) onAdd(extraOf(kind, chosen, run, name));
      }}
      className="flex flex-col gap-3"
    >
      <label className="flex items-center gap-2">
        Kind
        <select
          value={kind}
          onChange={(event) => {
            setKind(event.target.value as Extra["kind"]);
            setChosen({});
          }}
          className="h-7 rounded border border-line bg-panel px-1"
        >
          {KINDS.map((one) => (
            <option key={one.kind} value={one.kind}>
              {one.label}
            </option>
          ))}
        </select>
      </label>
      {kind === "histogram" ? (
        <>
          <label>
            Run
            <select className={field} value={run} onChange={(event) => setRun(event.target.value)}>
              {runs.map((one) => (
                <option key={one.runId} value={one.runId}>
                  {one.name}
                </option>
              ))}
            </select>
          </label>
          <label>
            Name, as it was logged with run.log_histogram
            <input
              className={field}
              value={name}
              placeholder="weights/layer1"
              onChange={(event) => setName(event.target.value.trim())}
            />
          </label>
        </>
      ) : (
        <div className="flex gap-3">
          {slots.map((slot) => (
            <KeyPicker
              key={`${kind} ${slot.name}`}
              label={slot.label}
              experiment={experiment}
              families={slot.families}
              chosen={chosen[slot.name] ?? []}
              onChoose={(column) =>
                setChosen((old) => {
                  const before = old[slot.name] ?? [];
                  const next = slot.isMany
                    ? toggled(before, column)
                    : before.includes(column)
                      ? []
                      : [column];
                  return { ...old, [slot.name]: next };
                })
              }
            />
          ))}
        </div>
      )}
      <div className="flex justify-end">
        <Button type="submit" look="main" disabled={!isReady}>
          Add
        </Button>
      </div>
    </form>
  );
}

function extraOf(
  kind: Extra["kind"],
  chosen: Readonly<Record<string, string[]>>,
  run: string,
  name: string,
): Extra {
  const one = (slot: string) => chosen[slot]?.[0] ?? "";
  const by = one("by");
  switch (kind) {
    case "lines":
      return { kind, keys: (chosen["keys"] ?? []).map(keyOf) };
    case "scatter":
      return { kind, x: one("x"), y: one("y") };
    case "bar":
      return { kind, column: one("column"), ...(by && { by }) };
    case "parallel":
      return { kind, columns: chosen["columns"] ?? [] };
    case "importance":
      return { kind, metric: one("metric") };
    case "histogram":
      return { kind, run, name };
  }
}
