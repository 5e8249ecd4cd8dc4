/** What runs where: as a matrix of places, as a list with its history, and by a dataset it goes back to. */

import { useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";

import { useModelTicks } from "../../api/models";
import type { Search } from "../../router";
import { useKeys, type Key } from "../../shell/keys";
import { Button, cx, Keys } from "../../ui";
import { orderOf } from "../../ui/order";
import { useSearchText } from "../../ui/useSearchText";
import { DeployDialog } from "./DeployDialog";
import { DeploymentTable, FilterBar, useDeployments, useFilters } from "./DeploymentList";
import { Matrix } from "./Matrix";
import { Uses } from "./Uses";

const VIEWS = [
  { id: "", label: "Matrix" },
  { id: "list", label: "List and history" },
  { id: "dataset", label: "By dataset" },
] as const;

export default function Deployments() {
  const [view, setView] = useSearchText("view");
  const [sorted] = useSearchText("sort");
  const filters = useFilters({});
  const [isNew, setNew] = useState(false);
  const navigate = useNavigate();
  const order = orderOf(sorted, "-started");
  const list = useDeployments({
    ...filters.wanted,
    order: order.by,
    is_descending: order.isDescending,
  });
  useModelTicks();
  const keys = useMemo<Key[]>(
    () => [
      { keys: "n", does: "Record a deployment", act: () => setNew(true) },
      ...VIEWS.map((one, at) => ({
        keys: String(at + 1),
        does: `Show the ${one.label.toLowerCase()}`,
        act: () => setView(one.id),
      })),
    ],
    [setView],
  );
  useKeys("What runs where", keys);
  const concerned = list.first?.environments.reduce((sum, one) => sum + one.concerns, 0) ?? 0;
  const live = list.first?.environments.reduce((sum, one) => sum + one.live, 0) ?? 0;
  return (
    <div className="flex h-full min-h-0 flex-col">
      <header className="flex flex-wrap items-center gap-x-3 gap-y-2 border-b border-line bg-panel px-4 py-2">
        <h1 className="text-lg font-semibold">Deployments</h1>
        {list.first && (
          <span className="text-muted">
            {live.toLocaleString("en")} live
            {concerned > 0 && (
              <>
                ,{" "}
                <button
                  type="button"
                  className="text-warn underline decoration-dotted hover:decoration-solid"
                  onClick={() => filters.setConcern(filters.concern === "any" ? "" : "any")}
                >
                  {concerned.toLocaleString("en")} of concern
                </button>
              </>
            )}
          </span>
        )}
        <span role="group" aria-label="View" className="flex rounded border border-line">
          {VIEWS.map((one, at) => (
            <button
              key={one.id}
              type="button"
              title={`Key ${at + 1}`}
              aria-pressed={view === one.id}
              onClick={() => setView(one.id)}
              className={cx(
                "h-7 px-2.5 whitespace-nowrap first:rounded-l last:rounded-r hover:bg-raised",
                view === one.id && "bg-chosen font-medium",
              )}
            >
              {one.label}
            </button>
          ))}
        </span>
        <span className="ml-auto flex flex-wrap items-center gap-2">
          {view !== "dataset" && <FilterBar filters={filters} told={list.first} />}
          <Button onClick={() => setNew(true)}>
            Record one <Keys of="n" />
          </Button>
        </span>
      </header>
      {view === "dataset" ? (
        <Uses />
      ) : view === "list" || list.total === 0 ? (
        <DeploymentTable list={list} filters={filters} />
      ) : (
        <Matrix
          wanted={filters.wanted}
          onList={(application, environment) =>
            void navigate({
              to: ".",
              search: (search: Search) => ({
                ...search,
                view: "list",
                q: application,
                environment,
              }),
            })
          }
        />
      )}
      {isNew && <DeployDialog onClose={() => setNew(false)} />}
    </div>
  );
}
