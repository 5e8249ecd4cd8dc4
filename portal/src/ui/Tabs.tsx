/** The tabs of a page: links in a bar, reached by the keys from 1, too. */

import { Link, type LinkProps } from "@tanstack/react-router";
import type { ReactNode } from "react";

import type { Key } from "../shell/keys";
import { cx } from "./index";

export interface Tab {
  id: string;
  label: string;
}

/** Where a tab is. */
export type TabLink = Pick<LinkProps, "to" | "params" | "search">;

export function TabBar<T extends Tab>({
  label,
  tabs,
  current,
  link,
  after,
}: {
  /** What the tabs are of. */
  label: string;
  tabs: readonly T[];
  /** The id of the tab that is shown. */
  current: string;
  link: (tab: T) => TabLink;
  /** What stands after a tab's name. */
  after?: (tab: T) => ReactNode;
}) {
  return (
    <nav
      aria-label={label}
      className="flex shrink-0 gap-1 overflow-x-auto border-b border-line bg-panel px-3"
    >
      {tabs.map((one, number) => (
        <Link
          key={one.id}
          {...link(one)}
          aria-current={one.id === current ? "page" : undefined}
          title={`Key ${number + 1}`}
          className={cx(
            "border-b-2 px-2 py-1.5 whitespace-nowrap hover:bg-raised",
            one.id === current ? "border-accent font-medium" : "border-transparent text-muted",
          )}
        >
          {one.label}
          {after?.(one)}
        </Link>
      ))}
    </nav>
  );
}

/** The keys from 1 that show the tabs. */
export function tabKeys<T extends Tab>(tabs: readonly T[], show: (tab: T) => void): Key[] {
  return tabs.map((one, number) => ({
    keys: String(number + 1),
    does: `Show ${one.label.toLowerCase()}`,
    act: () => show(one),
  }));
}
