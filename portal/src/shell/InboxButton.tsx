/** The inbox in the header: how much was not read, and what it is. */

import { Popover } from "radix-ui";
import { lazy, Suspense, useEffect, useMemo, useState } from "react";

import { useDiscussionTicks, useInbox } from "../api/discussion";
import { Waiting } from "../ui";
import { PopoverBox } from "../ui/PopoverBox";
import { KeyBarrier, useKeys, type Key } from "./keys";

const Inbox = lazy(() => import("../discussion/Inbox"));
const SHOWN_MAX = 99;

/** What the page itself asks for is answered first. */
const ASKED_AFTER_MS = 1_000;

export function InboxButton() {
  const [isOpen, setOpen] = useState(false);
  const [isAsked, setAsked] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(true), ASKED_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  const unread = useInbox(true, 0, isAsked).data?.unread ?? 0;
  useDiscussionTicks();
  const keys = useMemo<Key[]>(
    () => [{ keys: "g i", does: "Open the inbox", act: () => setOpen(true) }],
    [],
  );
  useKeys("Inbox", keys);
  const label = unread === 0 ? "Inbox, nothing new" : `Inbox, ${unread} not read`;
  return (
    <Popover.Root open={isOpen} onOpenChange={setOpen}>
      <Popover.Trigger
        aria-label={label}
        title={`${label} (g i)`}
        className="relative flex h-7 w-8 shrink-0 items-center justify-center rounded hover:bg-raised"
      >
        <svg
          width="16"
          height="16"
          viewBox="0 0 16 16"
          fill="none"
          stroke="currentColor"
          strokeWidth="1.4"
          strokeLinejoin="round"
          aria-hidden="true"
        >
          <path d="M1.5 9.5 3.6 3h8.8l2.1 6.5V13h-13z" />
          <path d="M1.5 9.5h3.6l1 1.8h3.8l1-1.8h3.6" />
        </svg>
        {unread > 0 && (
          <span className="absolute -top-0.5 -right-1 rounded-full bg-accent px-1 text-[10px] leading-4 font-semibold text-accent-text tabular-nums">
            {unread > SHOWN_MAX ? `${SHOWN_MAX}+` : unread}
          </span>
        )}
      </Popover.Trigger>
      <PopoverBox
        align="end"
        sideOffset={6}
        collisionPadding={0}
        aria-label="Inbox"
        className="max-h-[76vh] w-[min(32rem,94vw)] overflow-auto outline-none"
      >
        <KeyBarrier />
        <Suspense fallback={<Waiting />}>
          <Inbox onGo={() => setOpen(false)} />
        </Suspense>
      </PopoverBox>
    </Popover.Root>
  );
}
