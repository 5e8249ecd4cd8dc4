/** A panel as the text that it is, to change what no form asks for. */

import { useState } from "react";

import { Dialog } from "../ui";
import { FormFoot } from "../ui/parts";
import { readPanel, type ReportPanel } from "./panel";

export function PanelText({
  text: begun,
  onChange,
  onClose,
}: {
  text: string;
  onChange: (panel: ReportPanel) => void;
  onClose: () => void;
}) {
  const [text, setText] = useState(begun);
  const read = readPanel(text);
  return (
    <Dialog title="Change the panel" isOpen onClose={onClose} width="40rem">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if ("panel" in read) onChange(read.panel);
        }}
      >
        <textarea
          autoFocus
          rows={16}
          spellCheck={false}
          aria-label="The panel as JSON"
          value={text}
          onChange={(event) => setText(event.target.value)}
          className="w-full rounded border border-line bg-ground p-2 font-mono text-xs"
        />
        <FormFoot does="Change it" isReady={!("error" in read)} onClose={onClose} className="mt-2">
          {"error" in read && (
            <p role="alert" className="mr-auto min-w-0 text-bad">
              {read.error}
            </p>
          )}
        </FormFoot>
      </form>
    </Dialog>
  );
}
