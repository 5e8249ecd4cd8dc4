/** The saved views of a page, searched by name; each with what can be done with it. */

import { DropdownMenu } from "radix-ui";
import { useState } from "react";

import type { SavedView } from "../api/views";
import { Chip, cx, Failure } from "../ui";
import { ago } from "../ui/format";
import type { Naming } from "./SaveView";
import type { ViewActs } from "./useViewActs";

interface Props {
  views: readonly SavedView[];
  error: unknown;
  current: string | undefined;
  hasExperiment: boolean;
  acts: ViewActs;
  onShow: (view: SavedView) => void;
  onName: (naming: Naming) => void;
}

export default function ViewList(props: Props) {
  const { views, error } = props;
  const [search, setSearch] = useState("");
  const words = search.toLowerCase().split(/\s+/);
  const found = views.filter((view) =>
    words.every((word) => `${view.name} ${view.owner ?? ""}`.toLowerCase().includes(word)),
  );
  if (error) return <Failure error={error} />;
  return (
    <>
      <div className="p-2">
        <input
          autoFocus
          type="search"
          aria-label="Find a view"
          placeholder="Find a view"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && found[0]) props.onShow(found[0]);
          }}
          className="h-7 w-full rounded border border-line bg-ground px-2"
        />
      </div>
      {views.length === 0 ? (
        <p className="px-3 pb-3 text-muted">
          None yet. Filter, sort and arrange the page as you like it, then save it under a name.
        </p>
      ) : found.length === 0 ? (
        <p className="px-3 pb-3 text-muted">No view has these words in its name.</p>
      ) : (
        <ul className="min-h-0 flex-1 overflow-auto px-1 pb-1">
          {found.map((view) => (
            <Row key={view.view_id} view={view} {...props} />
          ))}
        </ul>
      )}
    </>
  );
}

function Row({ view, current, acts, onShow, ...rest }: Props & { view: SavedView }) {
  const isHere = view.view_id === current;
  return (
    <li className={cx("flex items-center rounded hover:bg-raised", isHere && "bg-chosen")}>
      <button
        type="button"
        aria-pressed={view.is_starred ?? false}
        aria-label={`${view.is_starred ? "Remove the star from" : "Give a star to"} ${view.name}`}
        onClick={() => void acts.star(view)}
        className="h-8 w-8 shrink-0 text-muted hover:text-text aria-pressed:text-warn"
      >
        <span aria-hidden="true">{view.is_starred ? "★" : "☆"}</span>
      </button>
      <button
        type="button"
        aria-current={isHere ? "true" : undefined}
        onClick={() => onShow(view)}
        className="flex min-w-0 flex-1 flex-col py-1 text-left"
      >
        <span className="flex items-center gap-1.5">
          <span dir="auto" className="truncate font-medium" title={view.name}>
            {view.name}
          </span>
          {view.is_default && <Chip title="The page begins with it">default</Chip>}
          {view.is_locked && <Chip title="Only its owner and admins change it">locked</Chip>}
        </span>
        <span className="truncate text-xs text-muted">
          {view.visibility === "shared" ? "shared by" : "private to"} {view.owner}
          {view.changed_at && `, ${ago(view.changed_at)}`}
        </span>
      </button>
      <Menu view={view} acts={acts} {...rest} />
    </li>
  );
}

function Menu({
  view,
  acts,
  onName,
  hasExperiment,
}: Pick<Props, "acts" | "onName" | "hasExperiment"> & { view: SavedView }) {
  const isShared = view.visibility === "shared";
  const item = (text: string, act: () => void, isDanger = false) => (
    <DropdownMenu.Item
      onSelect={act}
      className={cx(
        "cursor-pointer rounded px-2 py-1 outline-none data-[highlighted]:bg-chosen",
        isDanger && "text-bad",
      )}
    >
      {text}
    </DropdownMenu.Item>
  );
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger
        aria-label={`What to do with ${view.name}`}
        className="h-8 w-8 shrink-0 rounded text-muted hover:text-text"
      >
        <span aria-hidden="true">⋯</span>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align="end"
          className="z-50 min-w-52 rounded-md border border-line bg-panel p-1 shadow-lg"
        >
          {item("Fork …", () => onName({ kind: "fork", name: `${view.name}, mine`, view }))}
          {view.may_change && (
            <>
              {item("Rename …", () => onName({ kind: "rename", name: view.name, view }))}
              {item(
                isShared ? "Make it private" : "Share it",
                () =>
                  void acts.change(
                    view,
                    { visibility: isShared ? "private" : "shared" },
                    isShared ? `“${view.name}” is private now.` : `“${view.name}” is shared now.`,
                  ),
              )}
              {isShared &&
                item(
                  view.is_locked ? "Unlock it" : "Lock it",
                  () =>
                    void acts.change(
                      view,
                      { is_locked: !view.is_locked },
                      view.is_locked
                        ? `“${view.name}” is open to editors.`
                        : `“${view.name}” is locked.`,
                    ),
                )}
            </>
          )}
          {isShared &&
            hasExperiment &&
            item(
              view.is_default ? "Begin as usual" : "Begin the page with it",
              () => void acts.setDefault(view),
            )}
          {view.may_change && item("Delete", () => void acts.remove(view), true)}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
