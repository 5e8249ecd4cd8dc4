/** What is known of the node one is at, beside the graph. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { getJson } from "../../api/client";
import type { Dataset } from "../../api/datasets";
import type { LineageMap, PlacedNode } from "../../api/lineage";
import { Button, Status } from "../../ui";
import { ago, count, number, size, when } from "../../ui/format";
import type { RunPageData } from "../run/data";
import { CopyButton, Facts } from "../../ui/parts";
import { addressOf, idOf, KINDS, PageLink, pageOf, versionOf } from "./kinds";

const NEAR_MAX = 30;

type Told = readonly (readonly [string, ReactNode])[];

interface ModelVersion {
  run_id: string | null;
  aliases?: string[];
  stage?: string | null;
  description: string | null;
  created_by: string | null;
  registered_at?: string | null;
  bytes?: number | null;
  review?: string | null;
}

interface Deployment {
  environment: string;
  application: string;
  model_name: string;
  model_version: number;
  endpoint: string | null;
  traffic: number;
  started_at: string | null;
  ended_at: string | null;
  deployed_by: string | null;
  reason: string | null;
}

/** What to ask for a node, and what of the answer to show. */
function asked(node: PlacedNode): { path: string; told: (answer: never) => Told } | null {
  const id = encodeURIComponent(idOf(node.node));
  switch (node.kind) {
    case "run":
      return {
        path: `/api/v1/runs/${id}`,
        told: ({ run, experiment, metrics }: RunPageData) => [
          ["Experiment", experiment],
          ["Status", <Status key="s" value={run.status} />],
          ["Started", moment(run.started_at)],
          ["By", run.created_by],
          ["Metrics", metrics ? number(metrics) : ""],
          ["Entry point", run.source?.entrypoint],
        ],
      };
    case "dataset":
      return {
        path: `/api/v1/dataset-versions/${id}`,
        told: (one: Dataset) => [
          ["Kind", one.kind],
          ["Rows", number(one.rows)],
          ["Files", number(one.files)],
          ["Size", size(one.bytes)],
          ["Written", moment(one.created_at)],
          ["By", one.created_by],
          ["Source", one.source],
        ],
      };
    case "model": {
      const { name, version } = versionOf(idOf(node.node), "/");
      return {
        path: `/api/v1/models/${encodeURIComponent(name)}/versions/${encodeURIComponent(version)}`,
        told: ({ version: one }: { version: ModelVersion }) => [
          ["Aliases", one.aliases?.join(", ")],
          ["Review", one.review],
          ["Description", one.description],
          ["Size", size(one.bytes)],
          ["Registered", moment(one.registered_at)],
          ["By", one.created_by],
        ],
      };
    }
    case "deployment":
      return {
        path: `/api/v1/deployments/${id}`,
        told: (one: Deployment) => [
          ["Environment", one.environment],
          ["Application", one.application],
          ["Model", `${one.model_name}/${one.model_version}`],
          ["Traffic", `${number(one.traffic * 100)} %`],
          ["Endpoint", one.endpoint],
          ["Since", moment(one.started_at)],
          ["Until", moment(one.ended_at)],
          ["Why it ended", one.reason],
          ["By", one.deployed_by],
        ],
      };
    case "logged_model":
      return null;
  }
}

function moment(at: string | null | undefined): ReactNode {
  return at ? <span title={when(at)}>{ago(at)}</span> : "";
}

export function Details({
  map,
  at,
  ways,
  onChoose,
}: {
  map: LineageMap;
  at: number;
  ways: { before: readonly number[][]; behind: readonly number[][] };
  onChoose: (at: number) => void;
}) {
  const node = map.nodes[at];
  if (!node) return null;
  return (
    <aside
      aria-label="What is chosen"
      className="flex w-80 shrink-0 flex-col overflow-auto border-l border-line bg-panel max-[1000px]:w-64"
    >
      <header className="flex items-start gap-2 border-b border-line px-3 py-2">
        <div className="min-w-0 flex-1">
          <p className="text-muted">{KINDS[node.kind].one}</p>
          <h2 className="font-semibold break-words">
            <bdi>{node.label}</bdi>
          </h2>
        </div>
        <Button look="quiet" aria-label="Close" onClick={() => onChoose(-1)}>
          ✕
        </Button>
      </header>
      <div className="flex flex-wrap gap-1.5 px-3 pt-2">
        {pageOf(node) && (
          <PageLink node={node} className={LINK}>
            Open its page
          </PageLink>
        )}
        {node.node !== map.root && (
          <Link to="/lineage/$kind/$id" params={addressOf(node)} className={LINK}>
            Centre here
          </Link>
        )}
        <CopyButton text={idOf(node.node)} what="Copy id" />
      </div>
      <About node={node} />
      <Near title="Came from" map={map} near={ways.before[at] ?? []} onChoose={onChoose} />
      <Near title="Went into" map={map} near={ways.behind[at] ?? []} onChoose={onChoose} />
    </aside>
  );
}

const LINK =
  "inline-flex h-7 items-center rounded border border-line px-2.5 font-medium hover:bg-raised";

function About({ node }: { node: PlacedNode }) {
  const wanted = asked(node);
  const found = useQuery({
    queryKey: ["lineage", "node", node.node],
    queryFn: ({ signal }) => getJson<never>(wanted?.path ?? "", {}, signal),
    enabled: wanted !== null,
    staleTime: 10_000,
  });
  if (!wanted) return <Facts of={[["Status", node.status]]} />;
  if (found.isPending) return <p className="p-3 text-muted">Looking …</p>;
  if (found.isError) return <p className="p-3 text-muted">{found.error.message}</p>;
  return <Facts of={wanted.told(found.data)} />;
}

function Near({
  title,
  map,
  near,
  onChoose,
}: {
  title: string;
  map: LineageMap;
  near: readonly number[];
  onChoose: (at: number) => void;
}) {
  const nodes = near.filter((at) => at < map.nodes.length);
  const more = near.reduce((sum, at) => sum + (map.groups[at - map.nodes.length]?.count ?? 0), 0);
  if (near.length === 0) return null;
  return (
    <section className="border-t border-line px-3 py-2">
      <h3 className="mb-1 text-muted">
        {title} ({(nodes.length + more).toLocaleString("en")})
      </h3>
      <ul>
        {nodes.slice(0, NEAR_MAX).map((at) => (
          <li key={at}>
            <button
              type="button"
              onClick={() => onChoose(at)}
              className="flex w-full min-w-0 items-baseline gap-1.5 rounded px-1 text-left hover:bg-raised"
            >
              <span className="shrink-0 text-muted">{KINDS[map.nodes[at]!.kind].short}</span>
              <bdi className="min-w-0 truncate">{map.nodes[at]!.label}</bdi>
            </button>
          </li>
        ))}
      </ul>
      {nodes.length - NEAR_MAX + more > 0 && (
        <p className="px-1 text-muted">
          and {count(Math.max(0, nodes.length - NEAR_MAX) + more, "more", "more")}
        </p>
      )}
    </section>
  );
}
