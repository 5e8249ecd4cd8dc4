/** Above the list: what is looked for, when, which view, and what the traces add up to. */

import type { TraceOverview } from "../../api/traces";
import { QueryBar } from "../../query/QueryBar";
import { OpenAsSql } from "../../query/OpenAsSql";
import { Button, cx } from "../../ui";
import { count, dollars, number } from "../../ui/format";
import { ViewSwitcher } from "../../views/ViewSwitcher";
import { lengthOf } from "../trace/times";
import { SearchBox } from "../../ui/parts";
import { SPANS_OF_TIME } from "./state";

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
  /** Whose keys and values are suggested; null for all. */
  experiments: readonly string[] | null;
  last: string;
  isRange: boolean;
  onLast: (last: string) => void;
  /** The list as SQL. */
  onSql: () => Promise<string>;
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
      <QueryBar
        of="traces"
        value={props.filter}
        experiments={props.experiments}
        onApply={props.onFilter}
        inputRef={filterRef}
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
      {!props.isSessions && <OpenAsSql page="Traces" ask={props.onSql} />}
      {props.isNarrowed && <Button onClick={props.onClear}>Clear</Button>}
    </div>
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
