/** The versions of a report: what each one changed, and the way back to it. */

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { reportKey, restoreVersion, useDiff, useVersions, type Report } from "../api/reports";
import { DiffView } from "../diff/DiffView";
import { Button, Chip, cx, Dialog, Failure, Waiting } from "../ui";
import { ago, when } from "../ui/format";

export function Versions({
  report,
  onClose,
  onShow,
}: {
  report: Report;
  onClose: () => void;
  onShow: (version: number) => void;
}) {
  const id = report.report_id;
  const newest = report.version ?? 1;
  const client = useQueryClient();
  const versions = useVersions(id);
  const [newer, setNewer] = useState(newest);
  const [older, setOlder] = useState(newest - 1);
  const diff = useDiff(id, Math.min(older, newer), Math.max(older, newer));
  const [error, setError] = useState<unknown>(null);

  async function restore() {
    try {
      await restoreVersion(id, newer, newest);
      await client.invalidateQueries({ queryKey: reportKey(id) });
      onClose();
    } catch (refusal) {
      setError(refusal);
    }
  }

  return (
    <Dialog title="Versions" isOpen onClose={onClose} width="72rem">
      {versions.isPending ? (
        <Waiting />
      ) : versions.isError ? (
        <Failure error={versions.error} onRetry={() => void versions.refetch()} />
      ) : (
        <div className="grid h-[56vh] grid-cols-[18rem_1fr] gap-3 max-md:grid-cols-1">
          <ul
            tabIndex={0}
            aria-label="Versions"
            className="overflow-auto rounded border border-line"
          >
            {versions.data.map((one) => (
              <li key={one.version} className="border-b border-line last:border-0">
                <button
                  type="button"
                  aria-pressed={one.version === newer}
                  onClick={() => {
                    setNewer(one.version);
                    setOlder(one.version - 1);
                  }}
                  className={cx(
                    "flex w-full flex-col px-2 py-1 text-left hover:bg-raised",
                    one.version === newer && "bg-chosen",
                  )}
                >
                  <span className="flex items-center gap-1.5 font-medium">
                    Version {one.version}
                    {one.version === report.published && <Chip>published</Chip>}
                    {one.restored_from !== null && <Chip>{`again ${one.restored_from}`}</Chip>}
                  </span>
                  <span className="truncate text-xs text-muted" title={when(one.saved_at)}>
                    {one.saved_by}, {ago(one.saved_at)}
                  </span>
                </button>
              </li>
            ))}
          </ul>
          <div className="flex min-h-0 min-w-0 flex-col rounded border border-line">
            <div className="flex flex-wrap items-center gap-2 border-b border-line px-2 py-1">
              <label>
                What changed since{" "}
                <select
                  value={older}
                  onChange={(event) => setOlder(Number(event.target.value))}
                  className="h-7 rounded border border-line bg-panel px-1"
                >
                  {newer === 1 && <option value={0}>nothing</option>}
                  {versions.data
                    .filter((one) => one.version !== newer)
                    .map((one) => (
                      <option key={one.version} value={one.version}>
                        version {one.version}
                      </option>
                    ))}
                </select>
              </label>
              <Button className="ml-auto" onClick={() => onShow(newer)}>
                Show version {newer}
              </Button>
              {newer !== newest && (
                <Button onClick={() => void restore()}>Make it the newest again</Button>
              )}
            </div>
            {error !== null && <Failure error={error} />}
            {older === 0 ? (
              <p className="p-4 text-muted">This is the first version.</p>
            ) : diff.isError ? (
              <Failure error={diff.error} />
            ) : diff.data === undefined ? (
              <Waiting what="Comparing" />
            ) : diff.data === "" ? (
              <p className="p-4 text-muted">The texts of both are the same.</p>
            ) : (
              <DiffView text={diff.data} />
            )}
          </div>
        </div>
      )}
    </Dialog>
  );
}
