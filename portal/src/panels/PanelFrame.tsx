/** What is around every panel: its title, what it shows in words, and what can be done with it. */

import type { ReactNode } from "react";

import { cx } from "../ui";

/** A small button of a panel's head: a sign to see, a name to hear. */
export function Tool({
  sign,
  name,
  onClick,
  isOn,
}: {
  sign: string;
  name: string;
  onClick?: () => void;
  isOn?: boolean;
}) {
  return (
    <button
      type="button"
      title={name}
      aria-label={name}
      aria-pressed={isOn}
      onClick={onClick}
      className={cx(
        "flex h-6 w-6 items-center justify-center rounded text-sm text-muted hover:bg-raised hover:text-text",
        isOn && "bg-chosen text-text",
      )}
    >
      <span aria-hidden="true">{sign}</span>
    </button>
  );
}

export function PanelFrame({
  title,
  isTitled = false,
  told,
  tools,
  children,
  foot,
}: {
  title: string;
  /** The title is shown elsewhere. */
  isTitled?: boolean;
  /** How much is shown. */
  told?: string | undefined;
  tools?: ReactNode;
  children: ReactNode;
  foot?: ReactNode;
}) {
  return (
    <div className="flex h-full w-full flex-col rounded border border-line bg-panel">
      <div className="flex h-8 shrink-0 items-center gap-0.5 pr-1 pl-2.5">
        <h3 title={title} className="min-w-0 flex-1 truncate font-medium">
          {!isTitled && title}
        </h3>
        {tools}
      </div>
      <div className="relative min-h-0 flex-1 px-1">{children}</div>
      <div className="flex h-5 shrink-0 items-center gap-2 truncate px-2.5 text-[11px] text-muted">
        {foot}
        <span className="ml-auto shrink-0">{told}</span>
      </div>
    </div>
  );
}
