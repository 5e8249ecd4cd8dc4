/** The parts that every page is made of. */

import { Dialog as RadixDialog } from "radix-ui";
import { useState } from "react";
import type { ComponentProps, ReactNode } from "react";

import { ApiError } from "../api/client";
import { KeyBarrier } from "../shell/keys";

export function cx(...words: (string | false | null | undefined)[]): string {
  return words.filter(Boolean).join(" ");
}

export function Button({
  look = "plain",
  className,
  ...rest
}: ComponentProps<"button"> & { look?: "plain" | "main" | "quiet" | "danger" }) {
  const looks = {
    plain: "border border-line bg-panel hover:bg-raised",
    main: "bg-accent text-accent-text hover:brightness-110",
    quiet: "hover:bg-raised",
    danger: "border border-bad text-bad hover:bg-raised",
  };
  return (
    <button
      type="button"
      className={cx(
        "inline-flex h-7 items-center gap-1.5 rounded px-2.5 text-[13px] font-medium whitespace-nowrap",
        "disabled:cursor-not-allowed disabled:opacity-50",
        looks[look],
        className,
      )}
      {...rest}
    />
  );
}

/** A dialog with a title; Escape and a click beside it close it. */
export function Dialog({
  title,
  isOpen,
  onClose,
  children,
  width = "32rem",
  keepsKeys = false,
}: {
  title: string;
  isOpen: boolean;
  onClose: () => void;
  children: ReactNode;
  width?: string;
  /** Whether keys of the page beneath go on working: where it shows a part of that page, larger. */
  keepsKeys?: boolean;
}) {
  return (
    <RadixDialog.Root open={isOpen} onOpenChange={(open) => !open && onClose()}>
      <RadixDialog.Portal>
        <RadixDialog.Overlay className="fixed inset-0 z-40 bg-black/40" />
        <DialogFrame title={title} width={width} keepsKeys={keepsKeys}>
          {children}
        </DialogFrame>
      </RadixDialog.Portal>
    </RadixDialog.Root>
  );
}

/** Exists while the dialog is open, and knows what had the focus before. */
function DialogFrame(props: {
  title: string;
  width: string;
  keepsKeys: boolean;
  children: ReactNode;
}) {
  // Asked for while drawing: a field with autoFocus takes the focus before effects run.
  const [before] = useState(() => document.activeElement);
  return (
    <RadixDialog.Content
      aria-describedby={undefined}
      style={{ width: `min(${props.width}, 94vw)` }}
      onCloseAutoFocus={(event) => {
        event.preventDefault();
        const isThere = before instanceof HTMLElement && before.isConnected;
        (isThere ? before : document.getElementById("main"))?.focus();
      }}
      className="fixed top-[12vh] left-1/2 z-50 max-h-[76vh] -translate-x-1/2 overflow-auto rounded-lg border border-line bg-panel p-4 shadow-xl"
    >
      {!props.keepsKeys && <KeyBarrier />}
      <RadixDialog.Title className="mb-3 text-base font-semibold">{props.title}</RadixDialog.Title>
      {props.children}
    </RadixDialog.Content>
  );
}

/** A place where there is nothing yet, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="mx-auto flex max-w-xl flex-col items-center gap-2 px-6 py-16 text-center">
      <h1 className="text-base font-semibold">{title}</h1>
      <div className="text-muted">{children}</div>
    </div>
  );
}

/** Something went wrong: what, and what to do. */
export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const message = error instanceof Error ? error.message : String(error);
  const id = error instanceof ApiError ? error.requestId : "";
  return (
    <div role="alert" className="m-4 rounded border border-bad bg-panel p-3">
      <p className="font-medium">{message}</p>
      {id && <p className="mt-1 text-muted">The server&apos;s log knows more of request {id}.</p>}
      {onRetry && (
        <Button className="mt-2" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** Something is on its way. */
export function Waiting({ what = "Loading" }: { what?: string }) {
  return (
    <div role="status" className="p-6 text-muted">
      {what} …
    </div>
  );
}

const STATUS_LOOKS: Record<string, string> = {
  RUNNING: "text-accent",
  SCHEDULED: "text-muted",
  FINISHED: "text-good",
  READY: "text-good",
  OK: "text-good",
  FAILED: "text-bad",
  ERROR: "text-bad",
  KILLED: "text-warn",
};

const STATUS_MARKS: Record<string, string> = {
  RUNNING: "●",
  SCHEDULED: "○",
  FINISHED: "✓",
  READY: "✓",
  OK: "✓",
  FAILED: "✕",
  ERROR: "✕",
  KILLED: "■",
};

/** A status, by mark and word and not by colour alone. */
export function Status({ value }: { value: string }) {
  return (
    <span className={cx("inline-flex items-center gap-1 whitespace-nowrap", STATUS_LOOKS[value])}>
      <span aria-hidden="true">{STATUS_MARKS[value] ?? "·"}</span>
      {value.toLowerCase()}
    </span>
  );
}

export function Chip({ children, title }: { children: ReactNode; title?: string }) {
  return (
    <span
      title={title}
      className="inline-block max-w-64 truncate rounded bg-raised px-1.5 py-px align-middle text-xs"
    >
      {children}
    </span>
  );
}

/** Keys as they are printed on a keyboard. */
export function Keys({ of }: { of: string }) {
  return (
    <span className="inline-flex gap-1">
      {of.split(" ").map((stroke, index) => (
        <kbd
          key={index}
          className="rounded border border-line bg-raised px-1.5 py-px font-mono text-[11px]"
        >
          {stroke.replace("mod", "Ctrl").replace("shift+", "⇧ ").replace("+", " ")}
        </kbd>
      ))}
    </span>
  );
}
