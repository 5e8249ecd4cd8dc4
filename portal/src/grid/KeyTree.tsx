/** The keys that runs have, as a tree that is opened level by level, or what a search finds. */

import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";

import { getJson } from "../api/client";
import { Button, cx, Failure, Waiting } from "../ui";
import { count } from "../ui/format";
import { METRIC_TAKES, textOf, type Take } from "./columns";

const PAGE = 200;

export type KeyFamily = "metrics" | "params" | "tags";

interface KeyNode {
  name: string;
  path: string;
  keys: number;
  runs: number;
}

interface KeyPage {
  nodes: KeyNode[];
  total: number;
  next_offset: number | null;
}

interface TreeProps {
  family: KeyFamily;
  experiment: string;
  search: string;
  /** The texts of the columns that are shown. */
  shown: ReadonlySet<string>;
  onTurn: (text: string, isOn: boolean) => void;
}

function useKeyPages({ family, experiment, search }: TreeProps, below: string) {
  return useInfiniteQuery({
    queryKey: ["keys", family, experiment, below, search],
    queryFn: ({ pageParam, signal }) =>
      getJson<KeyPage>(
        `/api/v1/keys/${family}`,
        { experiment: [experiment], below, search, offset: pageParam, limit: PAGE },
        signal,
      ),
    initialPageParam: 0,
    getNextPageParam: (last) => last.next_offset,
    staleTime: 30_000,
  });
}

export function KeyTree(props: TreeProps) {
  return (
    <ul role="tree" aria-label={`The ${props.family} there are`}>
      <Branch {...props} below="" depth={0} />
    </ul>
  );
}

function Branch(props: TreeProps & { below: string; depth: number }) {
  const { below, depth, search } = props;
  const pages = useKeyPages(props, below);
  if (pages.isPending) return <Waiting what="Reading the keys" />;
  if (pages.isError) return <Failure error={pages.error} onRetry={() => void pages.refetch()} />;
  const nodes = pages.data.pages.flatMap((page) => page.nodes);
  const total = pages.data.pages[0]?.total ?? 0;
  if (nodes.length === 0)
    return (
      <li role="none" className="px-2 py-3 text-muted">
        {search ? "No key holds all of these words." : `These runs have no ${props.family}.`}
      </li>
    );
  return (
    <>
      {nodes.map((node) =>
        node.keys > 0 ? (
          <Folder key={node.path} {...props} node={node} depth={depth} />
        ) : (
          <Leaf key={node.path} {...props} node={node} depth={depth} />
        ),
      )}
      {pages.hasNextPage && (
        <li role="none" className="py-1" style={{ paddingLeft: 8 + depth * 16 }}>
          <Button
            look="quiet"
            disabled={pages.isFetchingNextPage}
            onClick={() => void pages.fetchNextPage()}
          >
            Show more: {nodes.length.toLocaleString("en")} of {total.toLocaleString("en")}
          </Button>
        </li>
      )}
    </>
  );
}

function Folder(props: TreeProps & { node: KeyNode; depth: number }) {
  const { node, depth } = props;
  const [isOpen, setOpen] = useState(false);
  return (
    <li role="treeitem" aria-expanded={isOpen} aria-level={depth + 1} aria-selected={false}>
      <button
        type="button"
        onClick={() => setOpen(!isOpen)}
        style={{ paddingLeft: 8 + depth * 16 }}
        className="flex w-full items-center gap-1 rounded py-0.5 pr-2 text-left hover:bg-raised"
      >
        <span aria-hidden="true" className="w-4 text-muted">
          {isOpen ? "▾" : "▸"}
        </span>
        <span className="truncate">{node.name}/</span>
        <span className="ml-auto shrink-0 text-xs text-muted">{count(node.keys, "key")}</span>
      </button>
      {isOpen && (
        <ul role="group">
          <Branch {...props} below={node.path} depth={depth + 1} />
        </ul>
      )}
    </li>
  );
}

function Leaf({
  node,
  depth,
  family,
  shown,
  onTurn,
}: TreeProps & { node: KeyNode; depth: number }) {
  const takes: readonly Take[] = family === "metrics" ? METRIC_TAKES : ["last", "number"];
  const texts = takes.map((take) => [take, textOf(family, node.path, take)] as const);
  const isAny = texts.some(([, text]) => shown.has(text));
  const [, first = ""] = texts[0] ?? [];
  return (
    <li
      role="treeitem"
      aria-level={depth + 1}
      aria-selected={isAny}
      style={{ paddingLeft: 8 + depth * 16 }}
      className="flex items-center gap-2 rounded py-0.5 pr-2 [contain-intrinsic-height:26px] [content-visibility:auto] hover:bg-raised"
    >
      <label className="flex min-w-0 flex-1 items-center gap-2">
        <input
          type="checkbox"
          checked={isAny}
          onChange={(event) => {
            if (event.target.checked) onTurn(first, true);
            else for (const [, text] of texts) if (shown.has(text)) onTurn(text, false);
          }}
          className="accent-(--accent)"
        />
        <span className="truncate" title={node.path}>
          {node.name}
        </span>
      </label>
      {family !== "tags" && (
        <span role="group" aria-label={`What is shown of ${node.path}`} className="flex shrink-0">
          {texts.map(([take, text]) => (
            <button
              key={take}
              type="button"
              aria-pressed={shown.has(text)}
              onClick={() => onTurn(text, !shown.has(text))}
              className={cx(
                "border border-line px-1.5 text-xs leading-5 first:rounded-l last:rounded-r",
                shown.has(text) ? "bg-chosen font-medium" : "text-muted hover:bg-raised",
              )}
            >
              {family === "params" && take === "last" ? "text" : take}
            </button>
          ))}
        </span>
      )}
      <span className="w-20 shrink-0 text-right text-xs text-muted tabular-nums">
        {count(node.runs, "run")}
      </span>
    </li>
  );
}
