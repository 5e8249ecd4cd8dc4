/** The files of a version, as they were when it was made. */

import { Empty } from "../../ui";
import { Files } from "../../files/Files";
import type { VersionTabProps } from "./VersionPage";

export default function VersionFiles({ detail }: VersionTabProps) {
  const { version_id: owner, source } = detail.version;
  const nothing = (
    <Empty title="No files here">
      It was made of an address that mere keeps no files of: <code>{source}</code>
    </Empty>
  );
  if (!owner) return nothing;
  return (
    <Files owner={owner} label="Files of the version">
      {nothing}
    </Files>
  );
}
