/** What was done last, said at the foot of the page, with what undoes it. */

import { useEffect } from "react";
import { createPortal } from "react-dom";

import { Button, cx } from "../ui";
import type { Told as Words } from "./useViewActs";

const SHOWN_MS = 8_000;

export function Told({ told, onHush }: { told: Words | null; onHush: () => void }) {
  useEffect(() => {
    if (told === null || told.isError || told.act) return;
    const timer = setTimeout(onHush, SHOWN_MS);
    return () => clearTimeout(timer);
  }, [told, onHush]);
  if (told === null) return null;
  return createPortal(
    <div
      role={told.isError ? "alert" : "status"}
      className={cx(
        "fixed right-4 bottom-12 z-50 flex max-w-[90vw] items-center gap-2 rounded-md border bg-panel px-3 py-1.5 shadow-xl print:hidden",
        told.isError ? "border-bad text-bad" : "border-line",
      )}
    >
      <span className="min-w-0 break-words">{told.text}</span>
      {told.act && (
        <Button
          look="quiet"
          className="text-accent"
          onClick={() => {
            onHush();
            told.act?.do();
          }}
        >
          {told.act.label}
        </Button>
      )}
      <Button look="quiet" className="px-1" aria-label="Close" onClick={onHush}>
        ✕
      </Button>
    </div>,
    document.body,
  );
}
