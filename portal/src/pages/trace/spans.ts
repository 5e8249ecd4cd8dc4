/** The spans of a trace from the table that the server sends. */

import { queryOptions, useQuery } from "@tanstack/react-query";
import type { Column, Table } from "@uwdata/flechette";

import { readSpanTable } from "../../api/traces";
import type { Spans } from "./tree";

function texts(table: Table, name: string): readonly (string | null)[] {
  return table.getChild(name).toArray() as readonly (string | null)[];
}

function numbers(column: Column<unknown>, count: number): Float64Array {
  const found = new Float64Array(count);
  // What is missing must not read as the zero that its place holds.
  for (let row = 0; row < count; row++) {
    const value = column.at(row);
    found[row] = value === null || value === undefined ? NaN : Number(value);
  }
  return found;
}

export function spansOf(table: Table): Spans {
  const count = table.numRows;
  const said = JSON.parse(table.schema.metadata?.get("spans") ?? "{}") as {
    base_ns?: string;
    total?: number;
  };
  const parent = Int32Array.from(table.getChild("parent").toArray() as Int32Array);
  return {
    baseMs: Number(BigInt(said.base_ns ?? "0") / 1000n) / 1000,
    total: said.total ?? count,
    ids: texts(table, "span_id") as readonly string[],
    parent,
    isOrphan: Uint8Array.from(table.getChild("is_orphan").toArray() as Iterable<boolean>, Number),
    names: texts(table, "name") as readonly string[],
    kinds: texts(table, "kind"),
    types: texts(table, "type"),
    statuses: texts(table, "status") as readonly string[],
    models: texts(table, "model"),
    start: numbers(table.getChild("start_ms"), count),
    duration: numbers(table.getChild("duration_ms"), count),
    tokens: numbers(table.getChild("tokens"), count),
    costs: numbers(table.getChild("cost"), count),
    events: Int32Array.from(table.getChild("events").toArray() as Iterable<number>),
  };
}

export const NO_SPANS: Spans = {
  baseMs: 0,
  total: 0,
  ids: [],
  parent: new Int32Array(),
  isOrphan: new Uint8Array(),
  names: [],
  kinds: [],
  types: [],
  statuses: [],
  models: [],
  start: new Float64Array(),
  duration: new Float64Array(),
  tokens: new Float64Array(),
  costs: new Float64Array(),
  events: new Int32Array(),
};

export function traceSpans(trace: string) {
  return queryOptions({
    queryKey: ["trace", trace, "spans"],
    queryFn: async ({ signal }) => {
      const { table } = await readSpanTable(trace, signal);
      return table === null ? NO_SPANS : spansOf(table);
    },
    staleTime: Infinity,
    // Tens of thousands of spans are compared faster by the page than by the cache.
    structuralSharing: false,
  });
}

export function useSpans(trace: string) {
  return useQuery(traceSpans(trace));
}
