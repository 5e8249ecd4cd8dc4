/** One version of a dataset: its tabs are reached by the keys from 1. */

import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useMemo, useState } from "react";

import {
  changeVersionTags,
  deleteVersion,
  restoreVersion,
  useDatasetTicks,
  useVersion,
  type Dataset,
  type DatasetKind,
} from "../../api/datasets";
import type { Search } from "../../router";
import { useKeys, type Key } from "../../shell/keys";
import { Button, Chip, Empty, Failure, Waiting } from "../../ui";
import { count, number, size, when } from "../../ui/format";
import { TabBar, tabKeys } from "../../ui/Tabs";
import { TagBox } from "../../ui/TagBox";
import { useAct } from "../../ui/useAct";
import { CopyButton, Facts, Section } from "../../ui/parts";
import { HowToLoad } from "./HowToLoad";
import { DatasetLink, Since, Trail, VersionLink } from "./parts";
import { UsageOf } from "./Usage";

const Schema = lazy(() => import("./Schema").then((of) => ({ default: of.Schema })));
const Rows = lazy(() => import("./Rows").then((of) => ({ default: of.Rows })));
const Files = lazy(() => import("./Files").then((of) => ({ default: of.Files })));
const Compare = lazy(() => import("./Compare").then((of) => ({ default: of.Compare })));
const Discussion = lazy(() => import("../../discussion/Discussion"));

const TABS = [
  { id: "about", label: "About" },
  { id: "schema", label: "Schema" },
  { id: "rows", label: "Rows" },
  { id: "files", label: "Files" },
  { id: "compare", label: "Compare" },
  { id: "talk", label: "Discussion" },
];

/** Files have neither columns nor rows, and all else has no files. */
function tabsOf(kind: DatasetKind | undefined) {
  const none = kind === "files" ? ["schema", "rows"] : ["files"];
  return TABS.filter(({ id }) => !none.includes(id));
}

export default function Version() {
  const { dataset = "", version = "" }: { dataset?: string; version?: string } = useParams({
    strict: false,
  });
  const found = useVersion(dataset, version);
  const search: Search = useSearch({ strict: false });
  const navigate = useNavigate();
  useDatasetTicks();
  const tab = search["tab"] ?? "about";
  const kind = found.data?.kind;
  const tabs = useMemo(() => tabsOf(kind), [kind]);
  const keys = useMemo<Key[]>(
    () => [
      ...tabKeys(tabs, ({ id }) => void navigate({ to: ".", search: { tab: id } })),
      ...(
        [
          ["[", "Version before", found.data?.previous],
          ["]", "Version after", found.data?.next],
        ] as const
      ).map(([key, does, to]) => ({
        keys: key,
        does,
        act: () => {
          if (to != null)
            void navigate({
              to: "/datasets/$dataset/v/$version",
              params: { dataset, version: String(to) },
              search: { tab },
            });
        },
      })),
    ],
    [dataset, found.data?.next, found.data?.previous, navigate, tab, tabs],
  );
  useKeys("A version", keys);
  if (found.isPending) return <Waiting what="Loading the version" />;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  const of = found.data;
  return (
    <div className="flex h-full min-h-0 flex-col">
      <Head of={of} />
      <TabBar
        label="Of this version"
        tabs={tabs}
        current={tab}
        link={({ id }) => ({
          to: "/datasets/$dataset/v/$version",
          params: { dataset, version },
          search: { tab: id },
        })}
        after={({ id }) => countOf(id, of)}
      />
      <div className="min-h-0 flex-1 overflow-auto">
        <Suspense fallback={<Waiting />}>
          <Tab id={tab} of={of} />
        </Suspense>
      </div>
    </div>
  );
}

function countOf(tab: string, of: Dataset): string {
  const counts: Record<string, number | null> = {
    schema: of.columns.length,
    rows: of.rows,
    files: of.files,
  };
  const found = counts[tab];
  return found ? ` (${found.toLocaleString("en")})` : "";
}

function Tab({ id, of }: { id: string; of: Dataset }) {
  switch (id) {
    case "about":
      return <About of={of} />;
    case "schema":
      return <Schema of={of} />;
    case "rows":
      return <Rows key={of.dataset_id} of={of} />;
    case "files":
      return <Files key={of.dataset_id} of={of} />;
    case "compare":
      return <Compare of={of} />;
    case "talk":
      return (
        <div className="mx-auto max-w-4xl p-3">
          <Discussion key={of.dataset_id} of={{ kind: "dataset", id: of.dataset_id }} />
        </div>
      );
    default:
      return (
        <Empty title="There is no such tab">
          Choose one of those above, or press a key from 1 to 5.
        </Empty>
      );
  }
}

function Head({ of }: { of: Dataset }) {
  return (
    <header className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-panel px-4 pt-2 pb-1.5">
      <Trail>
        <DatasetLink name={of.name} className="block max-w-[40vw]" />
        <span>/</span>
        <h1 className="text-base font-semibold text-text">v{of.version}</h1>
      </Trail>
      <Chip>{of.kind}</Chip>
      {of.lifecycle !== "active" && <Chip title="It is in the bin">deleted</Chip>}
      <span className="text-muted">
        {of.rows !== null && `${count(of.rows, "row")}, `}
        {of.files !== null && `${count(of.files, "file")}, `}
        {of.bytes !== null && `${size(of.bytes)}, `}
        written <Since at={of.created_at} />
        {of.created_by && ` by ${of.created_by}`}
      </span>
      <span className="ml-auto flex items-center gap-2">
        {of.previous !== null && (
          <span className="text-muted">
            before: <VersionLink name={of.name} version={of.previous} />
          </span>
        )}
        {of.next !== null && (
          <span className="text-muted">
            after: <VersionLink name={of.name} version={of.next} />
          </span>
        )}
        <Link
          to="/lineage/$kind/$id"
          params={{ kind: "dataset-version", id: of.dataset_id }}
          className="inline-flex h-7 items-center rounded border border-line px-2.5 font-medium hover:bg-raised"
        >
          Lineage
        </Link>
      </span>
    </header>
  );
}

function About({ of }: { of: Dataset }) {
  const client = useQueryClient();
  const refresh = () => client.invalidateQueries({ queryKey: ["datasets"] });
  async function tag(key: string, to: string | null) {
    const was = of.tags[key] ?? null;
    await changeVersionTags(of.dataset_id, { [key]: to });
    await refresh();
    return () => changeVersionTags(of.dataset_id, { [key]: was }).then(refresh);
  }
  const run = of.run_id && of.experiment_id && (
    <Link
      to="/p/$experiment/runs/$run"
      params={{ experiment: of.experiment_id, run: of.run_id }}
      className="text-accent hover:underline"
    >
      {of.run_id.slice(0, 12)}
    </Link>
  );
  return (
    <div className="mx-auto grid max-w-7xl items-start gap-3 p-3 lg:grid-cols-2">
      <div className="flex min-w-0 flex-col gap-3">
        <Section title="About" side={<Bin of={of} onDone={refresh} />}>
          <Facts
            of={[
              ["Kind", of.kind],
              ["Rows", number(of.rows)],
              ["Files", number(of.files)],
              ["Size", size(of.bytes)],
              ["Written", when(of.created_at)],
              ["By", of.created_by],
              ["By the run", run],
              ["Came from", of.source && <bdi>{of.source}</bdi>],
              ["Kind of source", of.source_type],
              ["Table in SQL", of.table_name && <code>{of.table_name}</code>],
              ["Snapshot", of.snapshot_id && <code>{of.snapshot_id}</code>],
              ["Digest", of.digest && <Id text={of.digest} />],
              ["Id", <Id key="id" text={of.dataset_id} />],
            ]}
          />
        </Section>
        <TagBox tags={of.tags} onChange={tag} />
        <HowToLoad of={of} />
      </div>
      <div className="flex min-w-0 flex-col gap-3">
        <UsageOf of={{ dataset_id: of.dataset_id }} name={of.name} />
      </div>
    </div>
  );
}

function Id({ text }: { text: string }) {
  return (
    <span className="flex items-center gap-1">
      <code className="min-w-0 truncate text-xs" title={text}>
        {text}
      </code>
      <CopyButton text={text} />
    </span>
  );
}

/** Into the bin and out of it again; nothing is gone until the bin is emptied. */
function Bin({ of, onDone }: { of: Dataset; onDone: () => Promise<unknown> }) {
  const act = useAct();
  const [isAsking, setAsking] = useState(false);
  if (of.lifecycle !== "active")
    return (
      <Button
        disabled={act.isBusy}
        onClick={() => void act.run(() => restoreVersion(of.dataset_id).then(onDone))}
      >
        Restore
      </Button>
    );
  if (!isAsking)
    return (
      <Button look="quiet" onClick={() => setAsking(true)}>
        Delete
      </Button>
    );
  return (
    <>
      {act.error && <span className="text-bad">{act.error}</span>}
      <Button
        look="danger"
        autoFocus
        disabled={act.isBusy}
        onClick={() =>
          void act
            .run(() => deleteVersion(of.dataset_id).then(onDone))
            .then((isDone) => isDone && setAsking(false))
        }
      >
        Put v{of.version} into the bin
      </Button>
      <Button look="quiet" onClick={() => setAsking(false)}>
        Cancel
      </Button>
    </>
  );
}
