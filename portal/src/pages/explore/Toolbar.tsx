/** Above the grid: the filter, the columns, the groups, and which runs are offered. */

import { Link } from "@tanstack/react-router";
import { DropdownMenu } from "radix-ui";
import { lazy, Suspense } from "react";

import { labelOf, read, type Column } from "../../grid/columns";
import { OpenAsSql } from "../../query/OpenAsSql";
import { QueryBar } from "../../query/QueryBar";
import { Button, cx } from "../../ui";
import type { Search } from "../../router";
import { SHELVES, type ExploreState, type Shelf, type Split } from "./state";

// The rows do not wait for it.
const ViewSwitcher = lazy(async () => {
  const { ViewSwitcher: view } = await import("../../views/ViewSwitcher");
  return { default: view };
});

const SPLITS: readonly [Split, string, string][] = [
  ["table", "Table", "Only the table"],
  ["both", "Both", "Table and charts"],
  ["charts", "Charts", "Only the charts"],
];

const GROUPABLE = ["status", "created_by", "kind", "group", "git_branch", "host"];

export interface ToolbarProps {
  experiment: string;
  name: string;
  state: ExploreState;
  columns: readonly Column[];
  filterBar: React.RefObject<HTMLInputElement | null>;
  onFilter: (text: string) => void;
  onGroup: (group: string[]) => void;
  onShelf: (shelf: Shelf) => void;
  onSplit: (split: Split) => void;
  onColumns: () => void;
  /** The grid as SQL. */
  onSql: () => Promise<string>;
  onView: (changes: Search) => void;
}

export function Toolbar(props: ToolbarProps) {
  const { state } = props;
  return (
    <div className="flex shrink-0 flex-wrap items-center gap-2 border-b border-line bg-panel px-3 py-1.5">
      <h1 className="max-w-56 truncate text-[15px] font-semibold" title={props.name}>
        {props.name}
      </h1>
      <Suspense fallback={<span className="h-7 w-20" />}>
        <ViewSwitcher page="explore" experiment={props.experiment} onShow={props.onView} />
      </Suspense>
      <QueryBar
        value={state.filter}
        experiments={[props.experiment]}
        onApply={props.onFilter}
        inputRef={props.filterBar}
      />
      <Link
        to="/traces"
        search={{ experiment: props.experiment }}
        className="rounded px-1.5 py-1 text-accent hover:underline"
      >
        Traces
      </Link>
      <OpenAsSql page="Explore" ask={props.onSql} />
      <Button onClick={props.onColumns}>Columns</Button>
      <GroupMenu {...props} />
      <label>
        <span className="sr-only">Which runs</span>
        <select
          value={state.shelf}
          onChange={(event) => props.onShelf(event.target.value as Shelf)}
          className="h-7 rounded border border-line bg-panel px-1"
        >
          {SHELVES.map(([name, label]) => (
            <option key={name} value={name}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <div role="group" aria-label="What is shown" className="flex">
        {SPLITS.map(([split, label, title]) => (
          <button
            key={split}
            type="button"
            title={title}
            aria-pressed={state.split === split}
            onClick={() => props.onSplit(split)}
            className={cx(
              "h-7 border border-l-0 border-line px-2 first:rounded-l first:border-l last:rounded-r",
              state.split === split ? "bg-chosen font-medium" : "hover:bg-raised",
            )}
          >
            {label}
          </button>
        ))}
      </div>
    </div>
  );
}

function GroupMenu({ state, columns, onGroup }: ToolbarProps) {
  const { group } = state;
  const shown = columns.map((one) => one.text).filter((text) => read(text).kind === "logged");
  const offered = [...new Set([...group, ...GROUPABLE, ...shown])];
  return (
    <span className="flex items-center gap-1">
      <DropdownMenu.Root>
        <DropdownMenu.Trigger asChild>
          <Button aria-label={group.length ? "Grouped by: change it" : "Group the runs"}>
            {group.length ? "Grouped by" : "Group"}
          </Button>
        </DropdownMenu.Trigger>
        <DropdownMenu.Portal>
          <DropdownMenu.Content
            align="start"
            className="z-50 max-h-[60vh] min-w-48 overflow-auto rounded-md border border-line bg-panel p-1 shadow-lg"
          >
            {offered.map((text) => (
              <DropdownMenu.CheckboxItem
                key={text}
                checked={group.includes(text)}
                onSelect={(event) => event.preventDefault()}
                onCheckedChange={(isOn) =>
                  onGroup(isOn ? [...group, text] : group.filter((one) => one !== text))
                }
                className="flex cursor-pointer items-center gap-2 rounded px-2 py-1 outline-none data-[highlighted]:bg-chosen"
              >
                <span aria-hidden="true" className="w-4 text-accent">
                  {group.includes(text) ? "✓" : ""}
                </span>
                {labelOf(text)}
                <span className="ml-auto pl-4 text-xs text-muted">{read(text).family}</span>
              </DropdownMenu.CheckboxItem>
            ))}
          </DropdownMenu.Content>
        </DropdownMenu.Portal>
      </DropdownMenu.Root>
      {group.map((text) => (
        <button
          key={text}
          type="button"
          title="Group by this no more"
          aria-label={`Group by ${labelOf(text)} no more`}
          onClick={() => onGroup(group.filter((one) => one !== text))}
          className="h-6 rounded bg-chosen px-2 hover:line-through"
        >
          {labelOf(text)} ✕
        </button>
      ))}
    </span>
  );
}
