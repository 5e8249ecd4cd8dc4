/** All registered models: found by words, sorted by the server, a window of them at a time. */

import { useNavigate } from "@tanstack/react-router";
import { useDeferredValue, useMemo, useRef } from "react";

import { askModels, useModelTicks, type ModelsWanted, type ModelSummary } from "../../api/models";
import { useKeys, type Key } from "../../shell/keys";
import { Button, Chip, Empty, Failure, Waiting } from "../../ui";
import { count } from "../../ui/format";
import { orderOf, orderText } from "../../ui/order";
import { useWindow } from "../../ui/useWindow";
import { WindowTable, type Column } from "../../ui/WindowTable";
import { CommandLine, Remark } from "../../ui/parts";
import { useSearchText } from "../../ui/useSearchText";
import {
  Alias,
  byRank,
  leaveOnEscape,
  ModelLink,
  Person,
  ReviewState,
  Since,
  VersionLink,
} from "./parts";

const REGISTER = `import mere

with mere.start_run("digits") as run:
    run.log({"acc": 0.95})
    run.log_artifacts("model", "model")`;

const LARGEST_FIRST = new Set(["latest", "changed", "registered", "versions", "live", "review"]);
const SELECT = "h-7 max-w-44 rounded border border-line bg-panel px-1";

const COLUMNS: readonly Column<ModelSummary>[] = [
  {
    id: "name",
    label: "Name",
    width: "minmax(14rem,2.2fr)",
    order: "name",
    show: (one) => (
      <span className="flex items-baseline gap-2">
        <ModelLink name={one.name} className="shrink-0 font-medium max-w-full" />
        <span className="truncate text-muted" title={one.description ?? ""}>
          {plain(one.description)}
        </span>
      </span>
    ),
  },
  {
    id: "latest",
    label: "Newest",
    width: "minmax(9rem,0.8fr)",
    order: "latest",
    show: (one) =>
      one.latest === null ? (
        <span className="text-muted">no version</span>
      ) : (
        <span className="flex items-baseline gap-2">
          <VersionLink name={one.name} version={one.latest} />
          <Since moment={one.latest_at} className="truncate text-muted" />
        </span>
      ),
  },
  {
    id: "review",
    label: "Review",
    width: "minmax(10.5rem,0.8fr)",
    order: "review",
    show: (one) =>
      one.latest === null ? null : (
        <span className="flex items-center gap-2">
          <ReviewState state={one.latest_review} />
          {one.waiting > (one.latest_review === "requested" ? 1 : 0) && (
            <span className="text-muted" title="Versions that wait for a review">
              {one.waiting} wait
            </span>
          )}
        </span>
      ),
  },
  {
    id: "aliases",
    label: "Aliases",
    width: "minmax(10rem,1.1fr)",
    show: (one) => (
      <span className="flex items-center gap-1 overflow-hidden">
        {byRank(one.aliases).map(([alias, version]) => (
          <Alias key={alias} name={alias}>
            <VersionLink name={one.name} version={version} />
          </Alias>
        ))}
      </span>
    ),
  },
  {
    id: "live",
    label: "Live",
    width: "minmax(9rem,0.9fr)",
    order: "live",
    show: (one) =>
      one.live === 0 ? (
        <span className="text-muted">nowhere</span>
      ) : (
        <span title={one.environments.join(", ")}>
          <span aria-hidden="true" className="text-good">
            ●{" "}
          </span>
          {one.live}
          <span className="text-muted"> in {one.environments.join(", ")}</span>
        </span>
      ),
  },
  {
    id: "owner",
    label: "Owner",
    width: "minmax(6rem,0.5fr)",
    order: "owner",
    show: (one) => <Person name={one.created_by} />,
  },
  {
    id: "tags",
    label: "Tags",
    width: "minmax(8rem,0.9fr)",
    show: (one) => (
      <span className="flex gap-1 overflow-hidden">
        {Object.entries(one.tags).map(([tag, to]) => (
          <Chip key={tag} title={`${tag}: ${to}`}>
            {tag}: {to}
          </Chip>
        ))}
      </span>
    ),
  },
];

/** The first line of a description, without the marks of Markdown. */
function plain(text: string | null): string {
  const line = (text ?? "").split("\n").find((one) => one.trim() && !one.startsWith("#")) ?? "";
  return line.replace(/[*`]/g, "").trim();
}

export default function Models() {
  const [search, setSearch] = useSearchText("q");
  const [review, setReview] = useSearchText("review");
  const [live, setLive] = useSearchText("live");
  const [sorted, setSorted] = useSearchText("sort");
  const words = useDeferredValue(search);
  const navigate = useNavigate();
  const field = useRef<HTMLInputElement>(null);
  useModelTicks();
  const order = useMemo(() => orderOf(sorted, "name"), [sorted]);
  const wanted = useMemo<ModelsWanted>(
    () => ({ search: words, review, live, order: order.by, is_descending: order.isDescending }),
    [live, order, review, words],
  );
  const list = useWindow(
    ["models", "catalogue", wanted],
    (offset, limit, signal) => askModels(wanted, offset, limit, signal),
    (page) => page.models,
  );
  const keys = useMemo<Key[]>(
    () => [{ keys: "/", does: "Find models", act: () => field.current?.focus() }],
    [],
  );
  useKeys("Models", keys);

  if (list.isPending) return <Waiting what="Loading the models" />;
  if (list.error && !list.first) return <Failure error={list.error} onRetry={list.retry} />;
  if (list.first?.all === 0) return <NoModels />;
  const isNarrowed = Boolean(search || review || live);
  return (
    <div className="flex h-full min-h-0 flex-col">
      <header className="flex flex-wrap items-center gap-2 border-b border-line bg-panel px-4 py-2">
        <h1 className="text-lg font-semibold">Models</h1>
        <span className="text-muted" aria-live="polite">
          {isNarrowed
            ? `${list.total.toLocaleString("en")} of ${count(list.first?.all ?? 0, "model")}`
            : count(list.first?.all ?? 0, "model")}
        </span>
        <span className="ml-auto flex flex-wrap items-center gap-2">
          <input
            ref={field}
            type="search"
            aria-label="Find models by name, owner, alias or tag"
            placeholder="Name, owner, alias, tag  (/)"
            value={search}
            onChange={(event) => setSearch(event.target.value)}
            onKeyDown={leaveOnEscape}
            className="h-7 w-64 rounded border border-line bg-ground px-2"
          />
          <select
            aria-label="Review of the newest version"
            value={review}
            onChange={(event) => setReview(event.target.value)}
            className={SELECT}
          >
            <option value="">Any review</option>
            <option value="waiting">Waits for a review</option>
            <option value="approved">Newest approved</option>
            <option value="rejected">Newest rejected</option>
            <option value="none">Newest not reviewed</option>
          </select>
          <select
            aria-label="Where it is live"
            value={live}
            onChange={(event) => setLive(event.target.value)}
            className={SELECT}
          >
            <option value="">Live or not</option>
            <option value="*">Live anywhere</option>
            <option value="-">Live nowhere</option>
            {list.first?.environments.map((one) => (
              <option key={one} value={one}>
                Live in {one}
              </option>
            ))}
          </select>
        </span>
      </header>
      {list.error !== null && <Failure error={list.error} onRetry={list.retry} />}
      {list.total === 0 ? (
        <Remark>
          No model is like that.{" "}
          <Button
            onClick={() =>
              void navigate({
                to: "/models",
                search: sorted ? { sort: sorted } : {},
                replace: true,
              })
            }
          >
            Show all
          </Button>
        </Remark>
      ) : (
        <WindowTable
          label="Models"
          columns={COLUMNS}
          list={list}
          keyOf={(one) => one.name}
          onOpen={(one) => void navigate({ to: "/models/$model", params: { model: one.name } })}
          order={order}
          onOrder={(next) => setSorted(orderText(next))}
          isLargestFirst={(by) => LARGEST_FIRST.has(by)}
          minWidth="72rem"
        />
      )}
    </div>
  );
}

function NoModels() {
  return (
    <Empty title="No models yet">
      <p>
        A registered model is a name with numbered versions. Log the files of one in a run, then
        register them:
      </p>
      <pre className="mt-2 rounded bg-raised p-3 text-left font-mono text-text">{REGISTER}</pre>
      <div className="mt-2 grid gap-2 text-left">
        <CommandLine why="From files on disk:" text="mere models register digits model --run RUN" />
        <CommandLine
          why="With MLflow's client:"
          text='mlflow.register_model("runs:/RUN/model", "digits")'
        />
      </div>
    </Empty>
  );
}
