/** Above the list: what is looked for, when, which view, and what the traces add up to. */

import { useState } from "react";

import type { TraceOverview } from "../../api/traces";
import { Button, cx } from "../../ui";
import { count, dollars, number } from "../../ui/format";
import { ViewSwitcher } from "../../views/ViewSwitcher";
import { lengthOf } from "../trace/times";
import { SearchBox } from "../../ui/parts";
import { SPANS_OF_TIME } from "./state";

const FIELD = "h-7 min-w-0 rounded border bg-ground px-2";

export interface ToolbarProps {
  title: string;
  isSessions: boolean;
  onSessions: (is: boolean) => void;
  searchRef: React.RefObject<HTMLInputElement | null>;
  filterRef: React.RefObject<HTMLInputElement | null>;
  text: string;
  onText: (text: string) => void;
  filter: string;
  onFilter: (text: string) => void;
  /** What is wrong with the filter. */
  problem: string;
  last: string;
  isRange: boolean;
  onLast: (last: string) => void;
  isNarrowed: boolean;
  onClear: () => void;
}

export function Toolbar({ searchRef, filterRef, ...props }: ToolbarProps) {
  return (
    <div className="flex shrink-0 flex-wrap items-center gap-2 border-b border-line bg-panel px-3 py-1.5">
      <h1 className="max-w-72 truncate text-[15px] font-semibold" title={props.title}>
        {props.title}
      </h1>
      <ViewSwitcher page="traces" />
      <span role="group" aria-label="What is listed" className="flex">
        {[false, true].map((is) => (
          <button
            key={String(is)}
            type="button"
            aria-pressed={props.isSessions === is}
            onClick={() => props.onSessions(is)}
            className={cx(
              "h-7 border border-l-0 border-line px-2 first:rounded-l first:border-l last:rounded-r",
              props.isSessions === is ? "bg-chosen font-medium" : "hover:bg-raised",
            )}
          >
            {is ? "Sessions" : "Traces"}
          </button>
        ))}
      </span>
      <SearchBox
        ref={searchRef}
        label="Find in traces"
        value={props.text}
        onChange={props.onText}
        className="w-48"
      />
      <FilterBox
        key={props.filter}
        filter={props.filter}
        problem={props.problem}
        onFilter={props.onFilter}
        filterRef={filterRef}
      />
      <label>
        <span className="sr-only">When they began</span>
        <select
          value={props.isRange ? "range" : props.last}
          onChange={(event) => props.onLast(event.target.value)}
          className="h-7 rounded border border-line bg-panel px-1"
        >
          {SPANS_OF_TIME.map(([id, label]) => (
            <option key={id} value={id}>
              {label}
            </option>
          ))}
          {props.isRange && <option value="range">A stretch of time</option>}
        </select>
      </label>
      {props.isNarrowed && <Button onClick={props.onClear}>Clear</Button>}
    </div>
  );
}

/** A condition in the filter language; Enter asks, and what is wrong is said beneath. */
function FilterBox({
  filter,
  onFilter,
  filterRef,
  problem,
}: Pick<ToolbarProps, "filter" | "onFilter" | "filterRef" | "problem">) {
  const [draft, setDraft] = useState(filter);
  return (
    <form
      className="relative min-w-64 flex-1"
      onSubmit={(event) => {
        event.preventDefault();
        onFilter(draft.trim());
      }}
    >
      <input
        ref={filterRef}
        aria-label="Filter traces"
        aria-invalid={problem ? true : undefined}
        aria-describedby={problem ? "trace-filter-problem" : undefined}
        placeholder="Filter: duration > 2s and span.type = 'TOOL' and feedback.helpful = 'false'"
        spellCheck={false}
        autoComplete="off"
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.stopPropagation();
          setDraft(filter);
          event.currentTarget.blur();
        }}
        className={cx(FIELD, "w-full font-mono", problem ? "border-bad" : "border-line")}
      />
      {draft.trim() !== filter && (
        <span className="pointer-events-none absolute top-1 right-2 rounded bg-raised px-1.5 text-xs leading-5 text-muted">
          Enter to apply
        </span>
      )}
      {problem && (
        <p
          id="trace-filter-problem"
          role="alert"
          className="absolute top-8 left-0 z-40 max-w-2xl rounded-md border border-bad bg-panel px-3 py-1.5 font-mono text-xs whitespace-pre-wrap text-bad shadow-lg"
        >
          {problem}
        </p>
      )}
    </form>
  );
}

/** What the traces add up to. */
export function Totals({ overview }: { overview: TraceOverview }) {
  const { totals } = overview;
  const share = totals.traces ? (totals.errors / totals.traces) * 100 : 0;
  const figures: [string, string][] = [
    ["p50", lengthOf(totals.p50_ms ?? NaN)],
    ["p95", lengthOf(totals.p95_ms ?? NaN)],
    ["tokens", totals.total_tokens?.toLocaleString("en") ?? ""],
    ["cost", dollars(totals.cost)],
    ["sessions", totals.sessions ? number(totals.sessions) : ""],
  ];
  return (
    <p className="flex flex-wrap items-baseline gap-x-4 tabular-nums">
      <span className="font-medium">{count(totals.traces, "trace")}</span>
      {totals.errors > 0 && (
        <span className="text-bad">
          ✕ {totals.errors.toLocaleString("en")} failed ({share.toPrecision(2)} %)
        </span>
      )}
      {figures
        .filter(([, value]) => value !== "")
        .map(([label, value]) => (
          <span key={label}>
            <span className="text-muted">{label}</span> {value}
          </span>
        ))}
    </p>
  );
}
