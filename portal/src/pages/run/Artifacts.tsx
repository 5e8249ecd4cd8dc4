/** The files of a run. */

import { Files } from "../../files/Files";
import { Empty } from "../../ui";
import type { TabProps } from "./RunPage";

export default function Artifacts({ page }: TabProps) {
  return (
    <Files owner={page.run.run_id} label="Files of the run">
      <Empty title="No files yet">
        Log them by <code>run.log_artifact</code>, or by <code>run.log_image</code>,{" "}
        <code>run.log_table</code> and their like.
      </Empty>
    </Files>
  );
}
