/** The heads of the columns: which run is which, and which one the others are compared with. */

import { Link } from "@tanstack/react-router";
import { useCallback, useState } from "react";

import { headPage, useMoreHeads, type ComparedRun, type RunsWanted } from "../../api/compare";
import { colourOf } from "../../plot/palette";
import { useTheme } from "../../shell/theme";

export interface HeadsView {
  at: (column: number) => ComparedRun | undefined;
  indexOf: (id: string) => number;
  see: (from: number, to: number) => void;
}

/** The heads of the first runs, and of others as they come into sight. */
export function useHeads(of: RunsWanted, first: readonly ComparedRun[], total: number): HeadsView {
  const [[from, to], setPages] = useState([0, 0]);
  const more = useMoreHeads(of, total, from, to);
  const see = useCallback((start: number, end: number) => {
    const [first, last] = [headPage(start), headPage(end)];
    // All cells are drawn anew for others, and not for each column that is scrolled by.
    setPages((before) => (before[0] === first && before[1] === last ? before : [first, last]));
  }, []);
  return {
    at: (column) => (column < 0 ? undefined : (first[column] ?? more(column))),
    indexOf: (id) => first.findIndex((run) => run.run_id === id),
    see,
  };
}

export function Head(props: {
  run: ComparedRun | undefined;
  isBase: boolean;
  hasExperiment: boolean;
  onBase: () => void;
  onRemove: ((id: string) => void) | undefined;
}) {
  const { run } = props;
  const { shown } = useTheme();
  if (!run) return <span className="mt-3 block h-2.5 w-20 rounded bg-raised" aria-hidden="true" />;
  const name = nameOf(run);
  const told = [
    props.isBase && "baseline",
    props.hasExperiment && run.experiment,
    run.status?.toLowerCase(),
  ];
  return (
    <span className="flex h-full flex-col justify-center">
      <span className="flex items-center gap-1.5">
        <span
          aria-hidden="true"
          className="h-2 w-2 shrink-0 rounded-full"
          style={{ background: colourOf(run.run_id, shown) }}
        />
        <Link
          to="/p/$experiment/runs/$run"
          params={{ experiment: run.experiment_id, run: run.run_id }}
          tabIndex={-1}
          title={name}
          dir="auto"
          className="min-w-0 truncate font-medium hover:underline"
        >
          {name}
        </Link>
        {props.onRemove && (
          <button
            type="button"
            tabIndex={-1}
            title="Leave this run out"
            aria-label={`Leave out ${name}`}
            onClick={() => props.onRemove?.(run.run_id)}
            className="ml-auto hidden shrink-0 px-0.5 text-muted group-hover:block hover:text-bad"
          >
            ✕
          </button>
        )}
      </span>
      <button
        type="button"
        tabIndex={-1}
        aria-pressed={props.isBase}
        title={props.isBase ? "Compare with no run" : "Compare the others with this run (key b)"}
        onClick={props.onBase}
        className="truncate text-left text-[11px] text-muted hover:text-text"
      >
        {told.filter(Boolean).join(" · ")}
      </button>
    </span>
  );
}

/** A run as people call it. */
export function nameOf(run: Pick<ComparedRun, "name" | "run_id">): string {
  return run.name || run.run_id.slice(0, 8);
}
