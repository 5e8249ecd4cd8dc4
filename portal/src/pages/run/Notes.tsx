/** What people write about a run, and never over what others wrote. */

import { useQueryClient } from "@tanstack/react-query";

import { ApiError } from "../../api/client";
import { MarkdownBox } from "../../ui/MarkdownBox";
import { changeRun, type Run } from "./data";

export function Notes({ run }: { run: Run }) {
  const client = useQueryClient();
  const refresh = () => client.invalidateQueries({ queryKey: ["run", run.run_id, "page"] });

  async function save(text: string, was: string) {
    try {
      await changeRun(run.run_id, { notes: text, was });
      await refresh();
    } catch (refusal) {
      if (refusal instanceof ApiError && refusal.code === "changed_meanwhile") await refresh();
      throw refusal;
    }
  }

  return (
    <MarkdownBox
      title="Notes"
      text={run.notes ?? ""}
      keyName="n"
      nothing="None yet. Say why this run was made and what it showed; Markdown is fine."
      onSave={save}
    />
  );
}
