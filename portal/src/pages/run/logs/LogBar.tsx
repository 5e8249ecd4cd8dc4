/** What one can do with a log: search, choose the process, colours, times, follow. */

import type { RefObject } from "react";

import { Button, cx, Keys } from "../../../ui";
import { count } from "../../../ui/format";

interface Props {
  searchRef: RefObject<HTMLInputElement | null>;
  found: string;
  onFound: (text: string) => void;
  isRegex: boolean;
  onRegex: (is: boolean) => void;
  matches: readonly number[];
  hasMore: boolean;
  at: number;
  isSearching: boolean;
  searchError: unknown;
  onStep: (by: 1 | -1) => void;
  process: number;
  processes: Record<string, number>;
  onProcess: (process: number) => void;
  hasColours: boolean;
  onColours: (is: boolean) => void;
  hasTimes: boolean;
  onTimes: (is: boolean) => void;
  /** Whether more lines may come. */
  canGrow: boolean;
  isFollowing: boolean;
  onFollowing: (is: boolean) => void;
}

export function LogBar(props: Props) {
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-3 py-1.5">
      <Search {...props} />
      {Object.keys(props.processes).length > 1 && <Processes {...props} />}
      <Tick label="Colours" is={props.hasColours} onChange={props.onColours} />
      <Tick label="Times" is={props.hasTimes} onChange={props.onTimes} />
      <Button
        className={cx("ml-auto", !props.canGrow && !props.isFollowing && "invisible")}
        look={props.isFollowing ? "main" : "plain"}
        aria-pressed={props.isFollowing}
        onClick={() => props.onFollowing(!props.isFollowing)}
      >
        {props.isFollowing ? "Following" : "Follow"} {!props.isFollowing && <Keys of="f" />}
      </Button>
    </div>
  );
}

function Search({ searchRef, ...props }: Props) {
  return (
    <span className="flex items-center gap-1">
      <input
        ref={searchRef}
        type="search"
        aria-label="Search in the log"
        placeholder="Search ( / )"
        value={props.found}
        onChange={(event) => props.onFound(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") props.onStep(event.shiftKey ? -1 : 1);
          if (event.key !== "Escape") return;
          // Browsers would empty the field: one wants to go on through what was found.
          event.preventDefault();
          event.currentTarget.blur();
        }}
        className="h-7 w-64 rounded border border-line bg-ground px-2"
      />
      <Tick label="Regex" is={props.isRegex} onChange={props.onRegex} />
      {props.found !== "" && (
        <>
          <Button aria-label="Match before" onClick={() => props.onStep(-1)}>
            ↑
          </Button>
          <Button aria-label="Next match" onClick={() => props.onStep(1)}>
            ↓
          </Button>
          <span role="status" className="text-muted">
            {said(props)}
          </span>
        </>
      )}
    </span>
  );
}

function said(props: Omit<Props, "searchRef">): string {
  if (props.searchError instanceof Error) return props.searchError.message;
  if (props.isSearching && props.matches.length === 0) return "searching …";
  const total = `${count(props.matches.length, "line")}${props.hasMore ? " and more" : ""}`;
  return props.at >= 0 ? `${(props.at + 1).toLocaleString("en")} of ${total}` : total;
}

function Processes({ process, processes, onProcess }: Props) {
  return (
    <label className="flex items-center gap-1 text-muted">
      Process
      <select
        value={process}
        onChange={(event) => onProcess(Number(event.target.value))}
        className="h-7 rounded border border-line bg-panel px-1 text-text"
      >
        {Object.entries(processes).map(([one, lines]) => (
          <option key={one} value={one}>
            {one} ({count(lines, "line")})
          </option>
        ))}
      </select>
    </label>
  );
}

function Tick(props: { label: string; is: boolean; onChange: (is: boolean) => void }) {
  return (
    <label className="flex items-center gap-1">
      <input
        type="checkbox"
        checked={props.is}
        onChange={(event) => props.onChange(event.target.checked)}
      />
      {props.label}
    </label>
  );
}
