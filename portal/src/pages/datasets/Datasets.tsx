/** All datasets: found by words, sorted by the server, a window of them at a time; in two tabs. */

import { useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useDeferredValue, useMemo, useRef } from "react";

import {
  askDatasets,
  useDatasetTicks,
  type DatasetSummary,
  type SearchWanted,
} from "../../api/datasets";
import type { Search } from "../../router";
import { useKeys, type Key } from "../../shell/keys";
import { Button, Empty, Failure, Waiting } from "../../ui";
import { count } from "../../ui/format";
import { orderOf, orderText } from "../../ui/order";
import { TabBar, tabKeys, type Tab } from "../../ui/Tabs";
import { useWindow } from "../../ui/useWindow";
import { WindowTable, type Column } from "../../ui/WindowTable";
import { CommandLine, Remark, SearchBox } from "../../ui/parts";
import { useSearchText } from "../../ui/useSearchText";
import { Amount, Bytes, DatasetLink, Since, TagChips, VersionLink } from "./parts";

const EvaluationList = lazy(() => import("../evaluation/EvaluationList"));

const DATA: Tab = { id: "data", label: "Data" };
const EVALUATION: Tab = { id: "evaluation", label: "Evaluation" };
const TABS = [DATA, EVALUATION];

/** Where a tab is in the address; it begins without what was searched for in the other. */
const searchOf = ({ id }: Tab): Search => ({ tab: id === DATA.id ? undefined : id });

const COLUMNS: readonly Column<DatasetSummary>[] = [
  {
    id: "name",
    label: "Name",
    width: "minmax(14rem,2fr)",
    order: "name",
    show: (one) => <DatasetLink name={one.name} className="block font-medium" />,
  },
  {
    id: "versions",
    label: "Newest",
    width: "minmax(7rem,0.6fr)",
    order: "versions",
    show: (one) => (
      <>
        {one.version !== null && <VersionLink name={one.name} version={one.version} />}
        {one.versions > 1 && <span className="text-muted"> of {one.versions}</span>}
      </>
    ),
  },
  { id: "kind", label: "Kind", width: "6rem", show: (one) => one.kind },
  {
    id: "rows",
    label: "Rows",
    width: "8rem",
    order: "rows",
    isRight: true,
    show: (one) => <Amount of={one} />,
  },
  {
    id: "bytes",
    label: "Size",
    width: "6rem",
    order: "bytes",
    isRight: true,
    show: (one) => <Bytes of={one.bytes} />,
  },
  {
    id: "written",
    label: "Written",
    width: "8rem",
    order: "written",
    show: (one) => <Since at={one.written_at} />,
  },
  {
    id: "runs",
    label: "Read by",
    width: "6rem",
    order: "runs",
    isRight: true,
    show: (one) => (one.runs ? count(one.runs, "run") : <span className="text-muted">no run</span>),
  },
  {
    id: "used",
    label: "Last read",
    width: "8rem",
    order: "used",
    show: (one) =>
      one.used_at ? <Since at={one.used_at} /> : <span className="text-muted">never</span>,
  },
  {
    id: "tags",
    label: "Tags",
    width: "minmax(9rem,1fr)",
    show: (one) => <TagChips tags={one.tags} />,
  },
];

const WRITE = `import mere

mere.dataset("iris").write({"width": [3.5, 3.0], "kind": ["setosa", "virginica"]})`;

export default function Datasets() {
  const tab = useSearch({ strict: false, select: (search: Search) => search["tab"] });
  const current = tab === EVALUATION.id ? EVALUATION : DATA;
  const navigate = useNavigate();
  const keys = useMemo<Key[]>(
    () => tabKeys(TABS, (to) => void navigate({ to: "/datasets", search: searchOf(to) })),
    [navigate],
  );
  useKeys("Kinds of datasets", keys);
  return (
    <div className="flex h-full min-h-0 flex-col">
      <TabBar
        label="Kinds of datasets"
        tabs={TABS}
        current={current.id}
        link={(to) => ({ to: "/datasets", search: searchOf(to) })}
      />
      <div className="min-h-0 flex-1 overflow-auto">
        {current === DATA ? (
          <DataList />
        ) : (
          <Suspense fallback={<Waiting />}>
            <EvaluationList />
          </Suspense>
        )}
      </div>
    </div>
  );
}

function DataList() {
  const [search, setSearch] = useSearchText("q");
  const [sorted, setSorted] = useSearchText("sort");
  const words = useDeferredValue(search);
  const navigate = useNavigate();
  const field = useRef<HTMLInputElement>(null);
  useDatasetTicks();
  const order = useMemo(() => orderOf(sorted, "-written"), [sorted]);
  const wanted = useMemo<SearchWanted>(
    () => ({ text: words, order: order.by, is_descending: order.isDescending }),
    [order, words],
  );
  const list = useWindow(
    ["datasets", "search", wanted],
    (offset, limit, signal) => askDatasets(wanted, offset, limit, signal),
    (page) => page.datasets,
  );
  const keys = useMemo<Key[]>(
    () => [{ keys: "/", does: "Find datasets", act: () => field.current?.focus() }],
    [],
  );
  useKeys("Datasets", keys);

  if (list.isPending) return <Waiting what="Loading the datasets" />;
  if (list.error && !list.first) return <Failure error={list.error} onRetry={list.retry} />;
  if (list.total === 0 && !search && !words) return <NoDatasets />;
  return (
    <div className="flex h-full min-h-0 flex-col">
      <header className="flex flex-wrap items-center gap-2 border-b border-line bg-panel px-4 py-2">
        <h1 className="text-lg font-semibold">Datasets</h1>
        <span className="text-muted" aria-live="polite">
          {count(list.total, "dataset")}
        </span>
        <SearchBox
          ref={field}
          label="Name or tag=value  (/)"
          value={search}
          onChange={setSearch}
          className="ml-auto w-72"
        />
      </header>
      {list.error !== null && <Failure error={list.error} onRetry={list.retry} />}
      {list.total === 0 ? (
        <Remark>
          No dataset is called that, and none has such a tag.{" "}
          <Button onClick={() => setSearch("")}>Show all</Button>
        </Remark>
      ) : (
        <WindowTable
          label="Datasets"
          columns={COLUMNS}
          list={list}
          keyOf={(one) => one.name}
          onOpen={(one) =>
            void navigate({ to: "/datasets/$dataset", params: { dataset: one.name } })
          }
          order={order}
          onOrder={(next) => setSorted(orderText(next))}
          isLargestFirst={(by) => by !== "name"}
          minWidth="76rem"
        />
      )}
    </div>
  );
}

function NoDatasets() {
  return (
    <Empty title="No datasets yet">
      <p>
        A dataset is a name with versions that never change: rows, files, or a reference to data
        kept elsewhere. Write a first one:
      </p>
      <pre className="mt-2 rounded bg-raised p-3 text-left font-mono text-text">{WRITE}</pre>
      <div className="mt-2 text-left">
        <CommandLine why="Or from a folder of files:" text="mere dataset put images FOLDER" />
      </div>
    </Empty>
  );
}
