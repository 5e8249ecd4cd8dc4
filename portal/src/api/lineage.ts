/** Lineage as the native protocol tells it: nodes with their places, and what is between them. */

import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";

import { getJson } from "./client";

export type NodeKind = "run" | "dataset" | "model" | "logged_model" | "deployment";

/** A run, a version of a dataset or a model, or a deployment. */
export interface LineageNode {
  /** Its kind and id, such as `dataset:<dataset id>`. */
  node: string;
  kind: NodeKind;
  label: string;
  status: string | null;
  /** Of a run or logged model: its experiment. */
  home: string | null;
}

/** Nodes of one kind beside another node that are not in the graph. */
export interface LineageGroup {
  /** Beside which node, by its number. */
  of: number;
  /** Whether these are before that node or behind it. */
  way: "up" | "down";
  kind: NodeKind;
  count: number;
  column: number;
  row: number;
}

export interface PlacedNode extends LineageNode {
  column: number;
  row: number;
}

export interface PlacedEdge {
  /** From which node to which, by their numbers. */
  source: number;
  target: number;
  context: string | null;
  /** Through which places it runs on its way: columns and rows. */
  bends: [number, number][];
}

export interface LineageMap {
  root: string;
  nodes: PlacedNode[];
  edges: PlacedEdge[];
  groups: LineageGroup[];
  columns: number;
  rows: number;
}

export interface MapWanted {
  node: string;
  depth: number;
  direction: string;
  /** How many neighbours of one node are shown. */
  width: number;
  /** Nodes of which all neighbours are shown. */
  open: readonly string[];
}

export function lineageMap({ node, depth, direction, width, open }: MapWanted) {
  const wanted = { node, depth, direction, width, open };
  return queryOptions({
    queryKey: ["lineage", "map", wanted],
    queryFn: ({ signal }) => getJson<LineageMap>("/api/v1/lineage/map", wanted, signal),
    staleTime: 5_000,
  });
}

export function useLineageMap(wanted: MapWanted) {
  return useQuery({ ...lineageMap(wanted), placeholderData: keepPreviousData });
}

/** Nodes whose names hold some words; without any, the newest. */
export function useNodeSearch(text: string) {
  return useQuery({
    queryKey: ["lineage", "search", text],
    queryFn: async ({ signal }) =>
      (await getJson<{ nodes: LineageNode[] }>("/api/v1/lineage/search", { text }, signal)).nodes,
    placeholderData: keepPreviousData,
    staleTime: 5_000,
  });
}
