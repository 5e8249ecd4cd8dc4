/**
 * The saved views of a page: which one is shown, whether it was changed, and all that are there.
 *
 * It reads and writes the page's address, so every page whose state is in its address can have it.
 * `Ctrl S` saves. A page without any state begins with the default view of its experiment.
 */

import { useNavigate, useSearch } from "@tanstack/react-router";
import { Popover } from "radix-ui";
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from "react";

import { useViews, type SavedView } from "../api/views";
import { useLatest } from "../grid/latest";
import type { Search } from "../router";
import { useKeys, type Key } from "../shell/keys";
import { Button, cx } from "../ui";
import { PopoverBox } from "../ui/PopoverBox";
import { SaveView, type Naming } from "./SaveView";
import { isChanged, leadTo, stateOf } from "./state";
import { Told } from "./Told";
import { useViewActs } from "./useViewActs";

const ViewList = lazy(() => import("./ViewList"));

export interface ViewSwitcherProps {
  page: string;
  experiment?: string | null;
  /** Show something else; where a page can undo that, it says how. */
  onShow?: (changes: Search) => void;
}

export function ViewSwitcher({ page, experiment = null, onShow }: ViewSwitcherProps) {
  const search: Search = useSearch({ strict: false });
  const navigate = useNavigate();
  const found = useViews(page, experiment);
  const views = found.data ?? NONE;
  const acts = useViewActs(page, experiment);
  const [isOpen, setOpen] = useState(false);
  const [naming, setNaming] = useState<Naming | null>(null);
  const current = views.find((view) => view.view_id === search["saved"]);
  const isOther = current !== undefined && isChanged(current, search);
  const state = stateOf(search);

  const go = (changes: Search, replace = false) =>
    void navigate({ to: ".", search: (old: Search) => ({ ...old, ...changes }), replace });
  const show = (view: SavedView) => {
    setOpen(false);
    (onShow ?? go)(leadTo(view, search));
  };

  // Only where somebody comes to: who takes everything away wants to see it so.
  const isFresh = useRef(true);
  useEffect(() => {
    if (!found.isSuccess || !isFresh.current) return;
    isFresh.current = false;
    if (state) return;
    const first = views.find((view) =>
      search["saved"] ? view.view_id === search["saved"] : view.is_default,
    );
    if (first) go(leadTo(first, search), true);
  });

  async function saved(view: SavedView | null) {
    if (view === null) return;
    setNaming(null);
    go({ saved: view.view_id }, true);
  }

  const save = () => {
    if (current === undefined || !current.may_change)
      return setNaming({ kind: "new", name: current ? `${current.name}, mine` : "" });
    if (!isOther) return acts.say({ text: `“${current.name}” is saved as it is.` });
    void acts.change(current, { state }, `Saved “${current.name}”.`);
  };
  const latest = useLatest({ save, open: () => setOpen(true) });
  const keys = useMemo<Key[]>(
    () => [
      { keys: "mod+s", does: "Save this view", act: () => latest().save() },
      { keys: "shift+v", does: "Go to a saved view", act: () => latest().open() },
    ],
    [latest],
  );
  useKeys("Views", keys);

  return (
    <>
      <Popover.Root open={isOpen} onOpenChange={setOpen}>
        <Popover.Trigger asChild>
          <Button
            title={isOther ? "This view was changed since it was saved" : "Saved views"}
            aria-label={
              current
                ? `Saved views; now ${current.name}${isOther ? ", changed" : ""}`
                : "Saved views"
            }
            className="min-w-0"
          >
            <span className="max-w-40 truncate">{current?.name ?? "Views"}</span>
            {isOther && <span className="text-warn">●</span>}
            <span aria-hidden="true">▾</span>
          </Button>
        </Popover.Trigger>
        <PopoverBox
          align="start"
          aria-label="Saved views"
          className="flex max-h-[70vh] w-96 flex-col"
        >
          <Suspense fallback={null}>
            <ViewList
              views={views}
              error={found.error}
              current={current?.view_id}
              hasExperiment={experiment !== null}
              acts={acts}
              onShow={show}
              onName={(next) => {
                setOpen(false);
                setNaming(next);
              }}
            />
          </Suspense>
          <div className="flex flex-wrap gap-2 border-t border-line p-2">
            {current?.may_change && (
              <Button
                look="main"
                disabled={!isOther}
                onClick={() => {
                  setOpen(false);
                  save();
                }}
              >
                Save changes
              </Button>
            )}
            <Button
              look={current?.may_change ? "plain" : "main"}
              onClick={() => {
                setOpen(false);
                setNaming({ kind: "new", name: "" });
              }}
            >
              Save as new …
            </Button>
            {isOther && (
              <Button className="ml-auto" look="quiet" onClick={() => show(current)}>
                Back to saved
              </Button>
            )}
          </div>
        </PopoverBox>
      </Popover.Root>
      {naming && (
        <SaveView
          naming={naming}
          onClose={() => setNaming(null)}
          onSave={(name, visibility) =>
            void (naming.kind === "rename"
              ? acts
                  .change(naming.view, { name }, `It is called “${name}” now.`)
                  .then((made) => made && setNaming(null))
              : acts
                  .create(
                    name,
                    naming.kind === "fork" ? (naming.view.state ?? "") : state,
                    visibility,
                    naming.kind === "fork" ? naming.view.view_id : current?.view_id,
                  )
                  .then((made) =>
                    naming.kind === "fork" && made ? (setNaming(null), show(made)) : saved(made),
                  ))
          }
        />
      )}
      <Told told={acts.told} onHush={acts.hush} />
      <span className={cx("sr-only")} role="status">
        {isOther ? "The view was changed and not saved" : ""}
      </span>
    </>
  );
}

const NONE: readonly SavedView[] = [];
