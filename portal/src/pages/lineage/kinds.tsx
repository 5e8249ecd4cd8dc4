/** The kinds of nodes: what they are called, how they look, and which pages are about them. */

import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import type { LineageMap, LineageNode, NodeKind } from "../../api/lineage";
import { count } from "../../ui/format";

interface Kind {
  /** In a word, and in several. */
  one: string;
  many: string;
  /** On the node itself. */
  short: string;
  /** The token of its colour. */
  colour: string;
}

export const KINDS: Record<NodeKind, Kind> = {
  dataset: { one: "dataset", many: "datasets", short: "data", colour: "--accent" },
  run: { one: "run", many: "runs", short: "run", colour: "--muted" },
  logged_model: {
    one: "logged model",
    many: "logged models",
    short: "logged model",
    colour: "--warn",
  },
  model: { one: "model version", many: "model versions", short: "model", colour: "--warn" },
  deployment: { one: "deployment", many: "deployments", short: "app", colour: "--good" },
};

/** How a kind is written in addresses, where that is another word. */
const IN_ADDRESS: Partial<Record<NodeKind, string>> = {
  dataset: "dataset-version",
  logged_model: "logged-model",
};

const DOT: Record<string, string> = {
  FINISHED: "--good",
  READY: "--good",
  RUNNING: "--accent",
  FAILED: "--bad",
  KILLED: "--warn",
  live: "--good",
};

/** The token of the colour in which a node's mark is drawn. */
export function colourOf(node: Pick<LineageNode, "kind" | "status">): string {
  if (node.kind === "run" && node.status) return DOT[node.status] ?? "--muted";
  if (node.kind === "deployment" && node.status !== "live") return "--muted";
  return KINDS[node.kind].colour;
}

export function idOf(node: string): string {
  return node.slice(node.indexOf(":") + 1);
}

/** What the page of a node's lineage is called: `/lineage/$kind/$id`. */
export function addressOf(node: Pick<LineageNode, "node" | "kind">): { kind: string; id: string } {
  return { kind: IN_ADDRESS[node.kind] ?? node.kind, id: idOf(node.node) };
}

/** The node that an address means; all versions of a dataset where it names no version. */
export function nodeAt(kind: string, id: string): string {
  if (kind === "dataset") return `datasets:${id}`;
  const found = Object.entries(IN_ADDRESS).find(([, word]) => word === kind);
  return `${found?.[0] ?? kind}:${id}`;
}

/** A name and a version, of a label such as `iris@3` or `classifier/3`. */
export function versionOf(label: string, mark: "@" | "/"): { name: string; version: string } {
  const at = label.lastIndexOf(mark);
  return at < 0
    ? { name: label, version: "" }
    : { name: label.slice(0, at), version: label.slice(at + 1) };
}

/** Where the page about a node is; null where there is none. */
export function pageOf(node: LineageNode): { to: string; params: Record<string, string> } | null {
  switch (node.kind) {
    case "run":
      if (!node.home) return null;
      return {
        to: "/p/$experiment/runs/$run",
        params: { experiment: node.home, run: idOf(node.node) },
      };
    case "dataset": {
      const { name, version } = versionOf(node.label, "@");
      return { to: "/datasets/$dataset/v/$version", params: { dataset: name, version } };
    }
    case "model": {
      const { name, version } = versionOf(idOf(node.node), "/");
      return { to: "/models/$model/v/$version", params: { model: name, version } };
    }
    case "deployment":
      return { to: "/deployments", params: {} };
    case "logged_model":
      return null;
  }
}

export function PageLink({
  node,
  children,
  className,
}: {
  node: LineageNode;
  children: ReactNode;
  className?: string;
}) {
  const page = pageOf(node);
  if (!page) return <span className={className}>{children}</span>;
  return (
    <Link to={page.to} params={page.params} className={className}>
      {children}
    </Link>
  );
}

/** A node by its kind and its name, which leads to its page. */
export function NodeName({ node }: { node: LineageNode }) {
  return (
    <span className="flex min-w-0 items-baseline gap-1.5">
      <span className="shrink-0 text-muted">{KINDS[node.kind].one}</span>
      <PageLink node={node} className="min-w-0 truncate text-accent hover:underline">
        <bdi title={node.label}>{node.label}</bdi>
      </PageLink>
    </span>
  );
}

export function groupLabel(kind: NodeKind, many: number): string {
  return `+ ${count(many, KINDS[kind].one, KINDS[kind].many)}`;
}

/** What one is at, in words: what it is called, and how many are beside it. */
export function said(
  map: LineageMap,
  at: number,
  ways: { before: readonly number[][]; behind: readonly number[][] },
): string {
  const group = map.groups[at - map.nodes.length];
  if (group) {
    const side = group.way === "up" ? "before" : "behind";
    const of = map.nodes[group.of]?.label ?? "";
    return `${count(group.count, KINDS[group.kind].one, KINDS[group.kind].many)} ${side} ${of}. Enter shows them.`;
  }
  const node = map.nodes[at];
  if (!node) return "";
  const status = node.status ? `, ${node.status.toLowerCase()}` : "";
  const sides = [ways.before[at]?.length ?? 0, ways.behind[at]?.length ?? 0];
  return `${KINDS[node.kind].one} ${node.label}${status}: ${sides[0]} before it, ${sides[1]} behind it`;
}
