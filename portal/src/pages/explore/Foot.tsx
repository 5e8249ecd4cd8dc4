/** At the foot: how many runs there are, how many are chosen and what to do with them. */

import { useFreshness } from "../../api/live";
import { chosenCount, type Selection } from "../../grid/selection";
import { Button, cx } from "../../ui";
import { count, formatOf } from "../../ui/format";
import type { Action } from "./changes";
import type { Shelf } from "./state";
import type { Said } from "./useUndo";

const FRESH = {
  live: "live",
  connecting: "connecting",
  paused: "paused",
  offline: "no answer",
} as const;

const clock = formatOf(() => new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" }));

export interface FootProps {
  matching: number;
  selection: Selection;
  shelf: Shelf;
  seenAt: number | null;
  isBehind: boolean;
  isBusy: boolean;
  /** Why what is shown could not be made fresh. */
  error: unknown;
  said: Said | null;
  onUndo: () => void;
  onHush: () => void;
  onChange: (action: Action) => void;
  onTag: () => void;
  onCompare: () => void;
  onChooseAll: () => void;
  onClear: () => void;
}

export function Foot(props: FootProps) {
  const { matching, selection, shelf, seenAt, said, isBusy } = props;
  const freshness = useFreshness();
  const chosen = chosenCount(selection, matching);
  const isAll = selection.kind === "all";
  return (
    <footer className="flex min-h-9 shrink-0 flex-wrap items-center gap-x-3 gap-y-1 border-t border-line bg-panel px-3 py-1 text-xs">
      <span role="status" className="tabular-nums">
        {count(matching, "run")}, {chosen.toLocaleString("en")} selected
        {isAll && " (all that match)"}
      </span>
      <span className="text-muted" title="When the server last said what is shown">
        {FRESH[freshness]}
        {seenAt !== null && `, fresh at ${clock().format(seenAt)}`}
        {props.isBehind && ", asking …"}
      </span>
      {props.error !== null && (
        <span role="alert" className="text-bad">
          Not fresh: {props.error instanceof Error ? props.error.message : String(props.error)}
        </span>
      )}
      {chosen > 0 && (
        <span role="group" aria-label="With the runs selected" className="flex items-center gap-1">
          {chosen > 1 && (
            <Button look="main" title="Key c" onClick={props.onCompare}>
              Compare
            </Button>
          )}
          <Button disabled={isBusy} onClick={props.onTag}>
            Tag …
          </Button>
          {shelf !== "deleted" && (
            <Button
              disabled={isBusy}
              onClick={() => props.onChange(shelf === "archived" ? "unarchive" : "archive")}
            >
              {shelf === "archived" ? "Take out of the archive" : "Archive"}
            </Button>
          )}
          {shelf === "deleted" ? (
            <Button disabled={isBusy} onClick={() => props.onChange("restore")}>
              Restore
            </Button>
          ) : (
            <Button look="danger" disabled={isBusy} onClick={() => props.onChange("delete")}>
              Delete
            </Button>
          )}
          {!isAll && chosen < matching && (
            <Button look="quiet" onClick={props.onChooseAll}>
              Select all {matching.toLocaleString("en")} matching
            </Button>
          )}
          <Button look="quiet" onClick={props.onClear}>
            Clear
          </Button>
        </span>
      )}
      {said && (
        <span
          role={said.isError ? "alert" : "status"}
          className={cx(
            "ml-auto flex items-center gap-1 rounded border px-2",
            said.isError ? "border-bad text-bad" : "border-line",
          )}
        >
          {said.text}
          {said.canUndo && (
            <Button look="quiet" className="h-6 text-accent" onClick={props.onUndo}>
              Undo
            </Button>
          )}
          <Button look="quiet" className="h-6 px-1" aria-label="Close" onClick={props.onHush}>
            ✕
          </Button>
        </span>
      )}
    </footer>
  );
}
