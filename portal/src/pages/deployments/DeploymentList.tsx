/** Deployments as a list that is searched, narrowed and sorted; one is looked at in a dialog. */

import { useDeferredValue, useMemo, useRef, useState } from "react";

import {
  askDeployments,
  type DeploymentRow,
  type DeploymentsWanted,
  type DeploymentWindow,
} from "../../api/deployments";
import { useKeys, type Key } from "../../shell/keys";
import { Button, Empty, Failure, Keys, Waiting } from "../../ui";
import { count } from "../../ui/format";
import { orderOf, orderText } from "../../ui/order";
import { useWindow, type Windowed } from "../../ui/useWindow";
import { WindowTable, type Column } from "../../ui/WindowTable";
import { CommandLine, Remark } from "../../ui/parts";
import { useSearchText } from "../../ui/useSearchText";
import { leaveOnEscape, Person, ReviewState, Since, VersionLink } from "../models/parts";
import { CONCERNS, Concerns } from "./concerns";
import { DeployDialog } from "./DeployDialog";
import { DeploymentDialog } from "./DeploymentDialog";

const SELECT = "h-7 max-w-48 rounded border border-line bg-panel px-1";

export interface Filters {
  wanted: DeploymentsWanted;
  isNarrowed: boolean;
  reset: () => void;
}

/** What the address says of which deployments are wanted. */
export function useFilters(fixed: { model?: string; version?: number }): Filters & FilterFields {
  const [search, setSearch] = useSearchText("q");
  const [environment, setEnvironment] = useSearchText("environment");
  const [state, setState] = useSearchText("state");
  const [concern, setConcern] = useSearchText("concern");
  const [day, setDay] = useSearchText("day");
  const words = useDeferredValue(search);
  const { model = "", version } = fixed;
  const wanted = useMemo<DeploymentsWanted>(
    () => ({
      search: words,
      environment,
      state: state || "live",
      concern,
      day: day ? new Date(`${day}T23:59:59`).toISOString() : null,
      model,
      version: version ?? null,
    }),
    [concern, day, environment, model, state, version, words],
  );
  const fields = { search, setSearch, environment, setEnvironment, state, setState };
  return {
    wanted,
    isNarrowed: Boolean(search || environment || concern || day || state === "retired"),
    reset: () => {
      for (const set of [setSearch, setEnvironment, setState, setConcern, setDay]) set("");
    },
    ...fields,
    concern,
    setConcern,
    day,
    setDay,
  };
}

interface FilterFields {
  search: string;
  setSearch: (text: string) => void;
  environment: string;
  setEnvironment: (text: string) => void;
  state: string;
  setState: (text: string) => void;
  concern: string;
  setConcern: (text: string) => void;
  day: string;
  setDay: (text: string) => void;
}

export function FilterBar({
  filters,
  told,
}: {
  filters: FilterFields;
  told: DeploymentWindow | undefined;
}) {
  const field = useRef<HTMLInputElement>(null);
  const keys = useMemo<Key[]>(
    () => [{ keys: "/", does: "Find deployments", act: () => field.current?.focus() }],
    [],
  );
  useKeys("Deployments", keys);
  return (
    <span className="contents">
      <input
        ref={field}
        type="search"
        aria-label="Find deployments"
        placeholder="Application, model, image  (/)"
        value={filters.search}
        onChange={(event) => filters.setSearch(event.target.value)}
        onKeyDown={leaveOnEscape}
        className="h-7 w-52 rounded border border-line bg-ground px-2"
      />
      <select
        aria-label="Environment"
        value={filters.environment}
        onChange={(event) => filters.setEnvironment(event.target.value)}
        className={SELECT}
      >
        <option value="">All environments</option>
        {told?.environments.map((one) => (
          <option key={one.name} value={one.name}>
            {one.name} ({one.live.toLocaleString("en")} live)
          </option>
        ))}
      </select>
      <select
        aria-label="Concern"
        value={filters.concern}
        onChange={(event) => filters.setConcern(event.target.value)}
        className={SELECT}
      >
        <option value="">Whatever their version</option>
        <option value="any">Of any concern</option>
        {CONCERNS.map((one) => (
          <option key={one.id} value={one.id}>
            Version {one.label} ({(told?.concerns[one.id] ?? 0).toLocaleString("en")})
          </option>
        ))}
      </select>
      <select
        aria-label="Live or over"
        value={filters.state}
        disabled={filters.day !== ""}
        onChange={(event) => filters.setState(event.target.value)}
        className={SELECT}
      >
        <option value="">Live now</option>
        <option value="retired">Retired</option>
        <option value="all">Live and retired</option>
      </select>
      <label className="flex items-center gap-1 text-muted">
        on
        <input
          type="date"
          aria-label="What ran on a day"
          title="What ran at the end of this day"
          value={filters.day}
          onChange={(event) => filters.setDay(event.target.value)}
          className="h-7 rounded border border-line bg-panel px-1"
        />
      </label>
    </span>
  );
}

/** The deployments that filters want, as a window. */
export function useDeployments(wanted: DeploymentsWanted) {
  return useWindow<DeploymentWindow, DeploymentRow>(
    ["models", "deployments", wanted],
    (offset, limit, signal) => askDeployments(wanted, offset, limit, signal),
    (page) => page.deployments,
  );
}

/** The list with its filters, as a part of another page. */
export function DeploymentList({ model, version }: { model: string; version?: number }) {
  const filters = useFilters(version === undefined ? { model } : { model, version });
  const [sorted] = useSearchText("sort");
  const order = orderOf(sorted, "-started");
  const list = useDeployments({
    ...filters.wanted,
    order: order.by,
    is_descending: order.isDescending,
  });
  const [isNew, setNew] = useState(false);
  const keys = useMemo<Key[]>(
    () => [{ keys: "n", does: "Record a deployment", act: () => setNew(true) }],
    [],
  );
  useKeys("Its deployments", keys);
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="flex flex-wrap items-center gap-2 border-b border-line bg-panel px-3 py-1.5">
        <FilterBar filters={filters} told={list.first} />
        <Button className="ml-auto" onClick={() => setNew(true)}>
          Record one <Keys of="n" />
        </Button>
      </div>
      <DeploymentTable list={list} filters={filters} isOfOneModel />
      {isNew && (
        <DeployDialog
          first={version === undefined ? { model } : { model, version }}
          onClose={() => setNew(false)}
        />
      )}
    </div>
  );
}

export function DeploymentTable({
  list,
  filters,
  isOfOneModel = false,
}: {
  list: Windowed<DeploymentWindow, DeploymentRow>;
  filters: Filters;
  isOfOneModel?: boolean;
}) {
  const [sorted, setSorted] = useSearchText("sort");
  const [shown, setShown] = useState<DeploymentRow | null>(null);
  const columns = useMemo(() => columnsOf(isOfOneModel, setShown), [isOfOneModel]);
  if (list.isPending) return <Waiting what="Loading the deployments" />;
  return (
    <>
      {list.error !== null && <Failure error={list.error} onRetry={list.retry} />}
      {list.first && list.total === 0 && (
        <Nothing filters={filters} all={list.first.all} isOfOneModel={isOfOneModel} />
      )}
      {list.total > 0 && (
        <WindowTable
          label="Deployments"
          columns={columns}
          list={list}
          keyOf={(one) => one.deployment.deployment_id}
          onOpen={setShown}
          order={orderOf(sorted, "-started")}
          onOrder={(next) => setSorted(orderText(next))}
          isLargestFirst={(by) => by === "started" || by === "ended"}
          minWidth="70rem"
        />
      )}
      {shown && <DeploymentDialog row={shown} onClose={() => setShown(null)} />}
    </>
  );
}

function Nothing({
  filters,
  all,
  isOfOneModel,
}: {
  filters: Filters;
  all: number;
  isOfOneModel: boolean;
}) {
  if (filters.isNarrowed || (all > 0 && !isOfOneModel))
    return (
      <Remark>
        {count(0, "deployment")} of {all.toLocaleString("en")} is like that.{" "}
        <Button onClick={filters.reset}>Show all that are live</Button>
      </Remark>
    );
  return (
    <Empty title={isOfOneModel ? "It is live nowhere" : "Nothing is deployed yet"}>
      <p>
        mere keeps the book of what runs where. Let the pipeline that rolls a model out write it
        down; a new entry ends the one before it:
      </p>
      <div className="mt-2 text-left">
        <CommandLine text="mere deployments deploy digits/3 -e production -a shop --app-version 2.1.0" />
      </div>
    </Empty>
  );
}

function columnsOf(
  isOfOneModel: boolean,
  onShow: (row: DeploymentRow) => void,
): readonly Column<DeploymentRow>[] {
  return [
    {
      id: "model",
      label: isOfOneModel ? "Version" : "Model",
      width: isOfOneModel ? "5rem" : "minmax(11rem,1.4fr)",
      order: "model",
      show: (row) => (
        <VersionLink
          name={row.model}
          version={row.deployment.model_version}
          isWhole={!isOfOneModel}
        />
      ),
    },
    {
      id: "environment",
      label: "Environment",
      width: "minmax(7rem,0.7fr)",
      order: "environment",
      show: ({ deployment }) => (
        <bdi title={deployment.environment}>
          <span
            aria-hidden="true"
            className={deployment.status === "live" ? "text-good" : "text-muted"}
          >
            {deployment.status === "live" ? "● " : "○ "}
          </span>
          {deployment.environment}
        </bdi>
      ),
    },
    {
      id: "application",
      label: "Application",
      width: "minmax(10rem,1.1fr)",
      order: "application",
      show: (row) => (
        <button
          type="button"
          title={row.deployment.application}
          className="max-w-full truncate rounded text-left hover:underline"
          onClick={() => onShow(row)}
        >
          <bdi>{row.deployment.application}</bdi>{" "}
          <span className="text-muted">{row.deployment.application_version}</span>
          {row.deployment.traffic < 1 && (
            <span className="text-muted"> {Math.round(row.deployment.traffic * 100)} %</span>
          )}
        </button>
      ),
    },
    {
      id: "concerns",
      label: "Its version",
      width: "minmax(13rem,1.2fr)",
      show: (row) => (
        <span className="flex items-center gap-1.5 overflow-hidden">
          <ReviewState state={row.review} />
          <Concerns row={{ ...row, concerns: row.concerns.filter((one) => !SAID.has(one)) }} />
        </span>
      ),
    },
    {
      id: "since",
      label: "Since",
      width: "minmax(7rem,0.7fr)",
      order: "started",
      show: ({ deployment }) => <Since moment={deployment.started_at} />,
    },
    {
      id: "until",
      label: "Until",
      width: "minmax(7rem,0.7fr)",
      order: "ended",
      show: ({ deployment }) =>
        deployment.ended_at ? (
          <span title={deployment.reason ?? ""}>
            <Since moment={deployment.ended_at} />
          </span>
        ) : (
          <span className="text-muted">now</span>
        ),
    },
    {
      id: "image",
      label: "Image",
      width: "minmax(7rem,0.6fr)",
      show: ({ deployment }) => (
        <code title={deployment.image_digest ?? ""} className="font-mono text-xs">
          {deployment.image_digest?.replace(/^sha256:/, "").slice(0, 12)}
        </code>
      ),
    },
    {
      id: "by",
      label: "By",
      width: "minmax(6rem,0.5fr)",
      order: "by",
      show: ({ deployment }) => <Person name={deployment.deployed_by} />,
    },
  ];
}

/** What the review says already. */
const SAID = new Set(["rejected", "requested"]);
