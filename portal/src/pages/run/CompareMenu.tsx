/** Compare a run with those it comes from: its parent, the run before, the one it repeats, champions. */

import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { DropdownMenu } from "radix-ui";
import { useState } from "react";

import { get } from "../../api/call";
import { askWindow } from "../../grid/blocks";
import type { Search } from "../../router";
import { Button } from "../../ui";
import { count } from "../../ui/format";
import { useLineage, type Run, type RunPageData } from "./data";

const ITEM =
  "block cursor-pointer rounded px-2 py-1 outline-none data-[highlighted]:bg-chosen data-[disabled]:text-muted";

interface Offer {
  label: string;
  search: Search;
}

export function CompareMenu({ page }: { page: RunPageData }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <DropdownMenu.Root open={isOpen} onOpenChange={setOpen}>
      <DropdownMenu.Trigger asChild>
        <Button>Compare with …</Button>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align="end"
          className="z-50 max-w-96 min-w-56 rounded-md border border-line bg-panel p-1 shadow-lg"
        >
          {isOpen && <Offers page={page} />}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

function Offers({ page }: { page: RunPageData }) {
  const { run } = page;
  const before = useRunBefore(run);
  const champions = useChampions(run.run_id);
  const beside = (other: string): Search => ({ runs: `${run.run_id},${other}`, base: other });
  const offers: Offer[] = [];
  if (run.parent_run_id) offers.push({ label: "Its parent", search: beside(run.parent_run_id) });
  if (run.repeats) offers.push({ label: "The run it repeats", search: beside(run.repeats) });
  if (before.data)
    offers.push({
      label: `The run before, ${before.data.name}`,
      search: beside(before.data.id),
    });
  for (const one of champions.data ?? [])
    offers.push({ label: `The champion of ${one.model}`, search: beside(one.run) });
  if (page.children_total > 1)
    offers.push({
      label: `Its ${count(page.children_total, "nested run")} with each other`,
      search: { experiments: run.experiment_id, q: `parent = '${run.run_id}'` },
    });
  if (offers.length === 0)
    return (
      <DropdownMenu.Item disabled className={ITEM}>
        {before.isPending || champions.isPending
          ? "Looking …"
          : "It is the first: select others in the list of runs"}
      </DropdownMenu.Item>
    );
  return offers.map((one) => (
    <DropdownMenu.Item key={one.label} asChild className={ITEM}>
      <Link to="/compare" search={one.search}>
        <span dir="auto" className="block truncate">
          {one.label}
        </span>
      </Link>
    </DropdownMenu.Item>
  ));
}

/** The newest run of the experiment that began before this one did. */
function useRunBefore(run: Run) {
  return useQuery({
    queryKey: ["run", run.run_id, "before"],
    queryFn: async ({ signal }) => {
      const query = {
        experiments: [run.experiment_id],
        filter: `started_at < '${run.started_at}' and kind = '${run.kind.replaceAll("'", "''")}'`,
        order: ["started_at DESC"],
        group: [],
        view: "active" as const,
      };
      const part = { path: [], offset: 0, limit: 1, columns: ["name"] };
      const found = await askWindow(query, part, signal);
      const id = found?.ids[0];
      if (id === undefined) return null;
      return { id, name: String(found?.values.get("name")?.[0] || id.slice(0, 8)) };
    },
    enabled: run.started_at !== null,
    staleTime: 60_000,
  });
}

/** The runs behind the champions of the models that a run made versions of. */
function useChampions(run: string) {
  const lineage = useLineage(run);
  const versions = (lineage.data?.nodes ?? [])
    .filter((node) => node.kind === "model")
    .map((node) => node.node.slice("model:".length));
  return useQuery({
    queryKey: ["run", run, "champions", versions],
    queryFn: async ({ signal }) => {
      const found: { model: string; run: string }[] = [];
      for (const one of versions) {
        const cut = one.lastIndexOf("/");
        const [name, version] = [one.slice(0, cut), one.slice(cut + 1)];
        const sides = await get("/api/v1/models/{name}/versions/{version}/comparison", {
          path: { name, version },
          query: { base: "champion" },
          signal,
        });
        const other = sides.other?.run_id;
        if (other && other !== run) found.push({ model: name, run: other });
      }
      return found;
    },
    enabled: lineage.data !== undefined,
    staleTime: 60_000,
  });
}
