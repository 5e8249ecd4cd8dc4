/** All that happened to a version. */

import { Timeline } from "./Timeline";
import type { VersionTabProps } from "./VersionPage";

export default function VersionHistory({ detail }: VersionTabProps) {
  return (
    <div className="mx-auto max-w-4xl p-3">
      <Timeline name={detail.version.name} version={detail.version.version} />
    </div>
  );
}
