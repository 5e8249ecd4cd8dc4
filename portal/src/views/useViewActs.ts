/** What can be done with saved views, and what is said when it was done. */

import { useCallback, useState } from "react";

import { ApiError } from "../api/client";
import {
  changeView,
  createView,
  deleteView,
  restoreView,
  setDefaultView,
  starView,
  useFreshViews,
  type SavedView,
  type ViewChange,
  type Visibility,
} from "../api/views";

export interface Told {
  text: string;
  isError?: boolean;
  /** What the button beside it says and does. */
  act?: { label: string; do: () => void };
}

export interface ViewActs {
  told: Told | null;
  hush: () => void;
  say: (told: Told) => void;
  create: (
    name: string,
    state: string,
    visibility: Visibility,
    from?: string,
  ) => Promise<SavedView | null>;
  change: (view: SavedView, change: ViewChange, said: string) => Promise<SavedView | null>;
  star: (view: SavedView) => Promise<unknown>;
  setDefault: (view: SavedView) => Promise<unknown>;
  remove: (view: SavedView) => Promise<unknown>;
}

export function useViewActs(page: string, experiment: string | null): ViewActs {
  const [told, say] = useState<Told | null>(null);
  const refresh = useFreshViews(page, experiment);

  /** Do something, and say that it was done or why not; the list is asked for anew. */
  const attempt = useCallback(
    async <T>(
      act: () => Promise<T>,
      said: (made: T) => Told | null,
      failed?: (error: unknown) => Told | null,
    ): Promise<T | null> => {
      try {
        const made = await act();
        say(said(made));
        return made;
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        say(failed?.(error) ?? { text, isError: true });
        return null;
      } finally {
        void refresh();
      }
    },
    [refresh],
  );

  const change: ViewActs["change"] = (view, wanted, said) =>
    attempt(
      () => changeView(view, wanted),
      () => ({ text: said }),
      (error) =>
        error instanceof ApiError && error.code === "changed_meanwhile"
          ? {
              text: `${error.details["changed_by"]} changed “${view.name}” meanwhile.`,
              isError: true,
              act: {
                label: "Save mine over it",
                do: () =>
                  void change(
                    { ...view, revision: Number(error.details["revision"]) },
                    wanted,
                    said,
                  ),
              },
            }
          : null,
    );

  return {
    told,
    hush: () => say(null),
    say,
    change,
    create: (name, state, visibility, from) =>
      attempt(
        () => createView(page, experiment, { name, state, visibility }, from),
        (made) => ({ text: `Saved as “${made.name}”.` }),
      ),
    star: (view) =>
      attempt(
        () => starView(view.view_id, !view.is_starred),
        () => null,
      ),
    setDefault: (view) =>
      attempt(
        () => setDefaultView(view.view_id, !view.is_default),
        (made) => ({
          text: made.is_default
            ? `The page begins with “${made.name}”, for everybody.`
            : "The page begins as usual.",
        }),
      ),
    remove: (view) =>
      attempt(
        () => deleteView(view.view_id),
        () => ({
          text: `Deleted “${view.name}”.`,
          act: {
            label: "Undo",
            do: () =>
              void attempt(
                () => restoreView(view.view_id),
                () => ({ text: `“${view.name}” is back.` }),
              ),
          },
        }),
      ),
  };
}
