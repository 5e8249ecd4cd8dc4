/** What people write about a run, and never over what others wrote. */

import { useQueryClient } from "@tanstack/react-query";

import { MarkdownBox } from "../../ui/MarkdownBox";
import { changeRun, type Run } from "./data";

export function Notes({ run }: { run: Run }) {
  const client = useQueryClient();
  return (
    <MarkdownBox
      title="Notes"
      text={run.notes ?? ""}
      keyName="n"
      nothing="None yet. Say why this run was made and what it showed; Markdown is fine."
      onSave={(notes, was) => changeRun(run.run_id, { notes, was })}
      refresh={() => client.invalidateQueries({ queryKey: ["run", run.run_id, "page"] })}
    />
  );
}
