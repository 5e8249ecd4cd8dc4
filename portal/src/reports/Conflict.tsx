/** Somebody else saved meanwhile: both texts, and what to do about it. */

import type { ReportText } from "../api/reports";
import { Button, Dialog } from "../ui";

export function Conflict({
  mine,
  theirs,
  isBusy,
  onMine,
  onTheirs,
  onClose,
}: {
  mine: { title: string; body: string };
  theirs: ReportText;
  isBusy: boolean;
  onMine: () => void;
  onTheirs: () => void;
  onClose: () => void;
}) {
  const text = (label: string, shown: { title: string; body: string }) => (
    <label className="flex min-w-0 flex-col gap-1">
      {label}
      <textarea
        readOnly
        rows={18}
        value={`# ${shown.title}\n\n${shown.body}`}
        className="rounded border border-line bg-ground p-2 font-mono text-xs"
      />
    </label>
  );
  return (
    <Dialog
      title={`${theirs.report.changed_by ?? "Somebody"} saved this report meanwhile`}
      isOpen
      onClose={onClose}
      width="70rem"
    >
      <div className="grid gap-3 md:grid-cols-2">
        {text(`Theirs: version ${theirs.shown}`, theirs)}
        {text("Yours", mine)}
      </div>
      <p className="mt-2 text-muted">
        Nothing is lost either way: theirs stays a version, and yours becomes the next one if you
        save it. To put both together, copy from one to the other.
      </p>
      <div className="mt-3 flex justify-end gap-2">
        <Button onClick={onClose}>Go on writing</Button>
        <Button onClick={onTheirs}>Take theirs, drop mine</Button>
        <Button look="main" disabled={isBusy} onClick={onMine}>
          Save mine over it
        </Button>
      </div>
    </Dialog>
  );
}
