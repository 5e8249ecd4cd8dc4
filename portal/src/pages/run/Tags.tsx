/** The tags of a run; what is changed can be taken back. */

import { useQueryClient } from "@tanstack/react-query";

import { TagBox } from "../../ui/TagBox";
import { changeTags, undoChange, type Run } from "./data";

export function Tags({ run }: { run: Run }) {
  const client = useQueryClient();
  const refresh = () => client.invalidateQueries({ queryKey: ["run", run.run_id, "page"] });

  async function change(tag: string, to: string | null) {
    const { undo } = await changeTags(run.run_id, { [tag]: to });
    await refresh();
    return undo === null ? null : () => undoChange(undo).then(refresh);
  }

  return <TagBox tags={run.tags} onChange={change} />;
}
