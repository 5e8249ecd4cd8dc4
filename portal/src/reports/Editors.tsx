/** Who else may change a report. */

import { useState } from "react";

import { setEditors, type Report } from "../api/reports";
import { Dialog } from "../ui";
import { FormFoot } from "../ui/parts";

export function Editors({
  report,
  onClose,
  onDone,
}: {
  report: Report;
  onClose: () => void;
  onDone: () => void;
}) {
  const [text, setText] = useState((report.editors ?? []).join("\n"));
  const [error, setError] = useState("");
  return (
    <Dialog title="Who may change this report" isOpen onClose={onClose} width="26rem">
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          const names = text.split(/[\n,]/).map((one) => one.trim());
          void setEditors(report.report_id, names.filter(Boolean)).then(
            () => {
              onDone();
              onClose();
            },
            (refusal: unknown) =>
              setError(refusal instanceof Error ? refusal.message : String(refusal)),
          );
        }}
      >
        <p className="text-muted">
          {report.owner}, who wrote it, and admins; and these, one name a line:
        </p>
        <textarea
          autoFocus
          rows={5}
          aria-label="Names of editors, one a line"
          value={text}
          onChange={(event) => setText(event.target.value)}
          className="rounded border border-line bg-ground p-2"
        />
        {error && (
          <p role="alert" className="text-bad">
            {error}
          </p>
        )}
        <FormFoot onClose={onClose} />
      </form>
    </Dialog>
  );
}
