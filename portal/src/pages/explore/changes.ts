/** Changes to runs, each with what undoes it. */

import { send, type Schema } from "../../api/call";
import { sendJson } from "../../api/client";
import type { RowQuery } from "../../grid/blocks";
import type { Selection } from "../../grid/selection";
import { EXCEPT_MAX, without } from "./state";

export type Action = "tag" | "archive" | "unarchive" | "delete" | "restore";

export type Change = Schema<"Change">;

const DONE: Record<Action, string> = {
  tag: "Tagged",
  archive: "Archived",
  unarchive: "Took out of the archive",
  delete: "Deleted",
  restore: "Restored",
};

export function saidOf(action: Action, changed: number): string {
  if (changed === 0) return "Nothing had to be changed.";
  return `${DONE[action]} ${changed.toLocaleString("en")} ${changed === 1 ? "run" : "runs"}.`;
}

/** Do something to the runs that are chosen; "all that match" is said, not listed. */
export function changeRuns(
  action: Action,
  selection: Selection,
  query: RowQuery,
  tags: Record<string, string | null> = {},
): Promise<Change> {
  if (selection.kind === "some")
    return send("post", "/api/v1/runs/changes", {
      body: { action, runs: [...selection.ids], tags },
    });
  if (selection.except.size > EXCEPT_MAX)
    throw new Error(`At most ${EXCEPT_MAX.toLocaleString("en")} runs can be left out of all.`);
  const { experiments, filter, view } = without(query, selection.except);
  return send("post", "/api/v1/runs/changes", {
    body: { action, window: { experiments, filter, view }, tags },
  });
}

export function undoChange(undo: string): Promise<Change> {
  return send("post", "/api/v1/runs/changes/{undo}/undo", { path: { undo } });
}

export function renameRun(id: string, name: string): Promise<unknown> {
  return sendJson("POST", "/ajax-api/2.0/mlflow/runs/update", { run_id: id, run_name: name });
}
