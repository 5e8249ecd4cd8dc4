/** Asks what to call a view, and who may see it. */

import { useState } from "react";

import type { SavedView, Visibility } from "../api/views";
import { Dialog } from "../ui";
import { FormFoot } from "../ui/parts";

/** What gets a name: what is shown now, a copy of a view, or a view that has one. */
export type Naming =
  | { kind: "new"; name: string }
  | { kind: "fork"; name: string; view: SavedView }
  | { kind: "rename"; name: string; view: SavedView };

const TITLES = { new: "Save this view", fork: "Fork the view", rename: "Rename the view" };

export function SaveView({
  naming,
  onSave,
  onClose,
}: {
  naming: Naming;
  onSave: (name: string, visibility: Visibility) => void;
  onClose: () => void;
}) {
  const [name, setName] = useState(naming.name);
  const [isShared, setShared] = useState(false);
  return (
    <Dialog title={TITLES[naming.kind]} isOpen onClose={onClose} width="26rem">
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          onSave(name.trim(), isShared ? "shared" : "private");
        }}
      >
        <label className="flex flex-col gap-1">
          Name
          <input
            autoFocus
            required
            maxLength={500}
            value={name}
            pattern=".*\S.*"
            placeholder="Best runs of the week"
            onChange={(event) => setName(event.target.value)}
            className="h-8 w-full rounded border border-line bg-ground px-2"
          />
        </label>
        {naming.kind !== "rename" && (
          <label className="flex items-center gap-2">
            <input
              type="checkbox"
              checked={isShared}
              onChange={(event) => setShared(event.target.checked)}
            />
            Share it with all who may see this page
          </label>
        )}
        <FormFoot onClose={onClose} />
      </form>
    </Dialog>
  );
}
