/** All evaluation datasets: found by words, sorted by the server, a window of them at a time. */

import { Link, useNavigate } from "@tanstack/react-router";
import { useDeferredValue, useMemo, useRef } from "react";

import { useDatasetTicks } from "../../api/datasets";
import {
  askEvaluationDatasets,
  evaluationDatasetsKey,
  type EvaluationDataset,
  type Wanted,
} from "../../api/evaluation";
import { useKeys, type Key } from "../../shell/keys";
import { Button, Empty, Failure, Waiting } from "../../ui";
import { count, number } from "../../ui/format";
import { orderOf, orderText } from "../../ui/order";
import { CommandLine, Remark, SearchBox } from "../../ui/parts";
import { useSearchText } from "../../ui/useSearchText";
import { useWindow } from "../../ui/useWindow";
import { WindowTable, type Column } from "../../ui/WindowTable";
import { Since, TagChips } from "../datasets/parts";
import { ExperimentLink, LINK, useExperimentNames } from "./parts";
import { made } from "./snippets";

const EXPERIMENTS_SHOWN = 3;

function columnsOf(names: ReadonlyMap<string, string>): readonly Column<EvaluationDataset>[] {
  return [
    {
      id: "name",
      label: "Name",
      width: "minmax(14rem,2fr)",
      order: "name",
      show: (one) => (
        <Link
          to="/datasets/evaluation/$dataset"
          params={{ dataset: one.dataset_id }}
          title={one.name}
          className={`${LINK} block truncate font-medium`}
        >
          <bdi>{one.name}</bdi>
        </Link>
      ),
    },
    {
      id: "records",
      label: "Records",
      width: "7rem",
      order: "records",
      isRight: true,
      show: (one) => number(one.records),
    },
    {
      id: "experiments",
      label: "Experiments",
      width: "minmax(10rem,1fr)",
      show: ({ experiment_ids: ids }) =>
        ids.length === 0 ? (
          <span className="text-muted">of the warehouse</span>
        ) : (
          <span className="flex gap-2 overflow-hidden">
            {ids.slice(0, EXPERIMENTS_SHOWN).map((id) => (
              <span key={id} className="min-w-0 truncate">
                <ExperimentLink id={id} name={names.get(id)} />
              </span>
            ))}
            {ids.length > EXPERIMENTS_SHOWN && (
              <span className="text-muted">+{ids.length - EXPERIMENTS_SHOWN}</span>
            )}
          </span>
        ),
    },
    {
      id: "tags",
      label: "Tags",
      width: "minmax(9rem,1fr)",
      show: (one) => <TagChips tags={one.tags} />,
    },
    {
      id: "changed",
      label: "Changed",
      width: "8rem",
      order: "changed",
      show: (one) => <Since at={one.changed_at} />,
    },
    {
      id: "by",
      label: "By",
      width: "minmax(5rem,0.5fr)",
      show: (one) => <bdi title={one.changed_by ?? ""}>{one.changed_by}</bdi>,
    },
  ];
}

export default function EvaluationList() {
  const [search, setSearch] = useSearchText("q");
  const [sorted, setSorted] = useSearchText("sort");
  const words = useDeferredValue(search);
  const navigate = useNavigate();
  const field = useRef<HTMLInputElement>(null);
  const names = useExperimentNames();
  const columns = useMemo(() => columnsOf(names), [names]);
  useDatasetTicks();
  const order = useMemo(() => orderOf(sorted, "-changed"), [sorted]);
  const wanted = useMemo<Wanted>(
    () => ({ text: words, order: order.by, is_descending: order.isDescending }),
    [order, words],
  );
  const list = useWindow(
    evaluationDatasetsKey(wanted),
    (offset, limit, signal) => askEvaluationDatasets(wanted, offset, limit, signal),
    (page) => page.datasets,
  );
  const keys = useMemo<Key[]>(
    () => [{ keys: "/", does: "Find evaluation datasets", act: () => field.current?.focus() }],
    [],
  );
  useKeys("Evaluation datasets", keys);

  if (list.isPending) return <Waiting what="Loading the evaluation datasets" />;
  if (list.error && !list.first) return <Failure error={list.error} onRetry={list.retry} />;
  if (list.total === 0 && !search && !words) return <NoDatasets />;
  return (
    <div className="flex h-full min-h-0 flex-col">
      <header className="flex flex-wrap items-center gap-2 border-b border-line bg-panel px-4 py-2">
        <h1 className="text-lg font-semibold">Evaluation datasets</h1>
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
          No evaluation dataset is called that, and none has such a tag.{" "}
          <Button onClick={() => setSearch("")}>Show all</Button>
        </Remark>
      ) : (
        <WindowTable
          label="Evaluation datasets"
          columns={columns}
          list={list}
          keyOf={(one) => one.dataset_id}
          onOpen={(one) =>
            void navigate({
              to: "/datasets/evaluation/$dataset",
              params: { dataset: one.dataset_id },
            })
          }
          order={order}
          onOrder={(next) => setSorted(orderText(next))}
          isLargestFirst={(by) => by !== "name"}
          minWidth="60rem"
        />
      )}
    </div>
  );
}

function NoDatasets() {
  return (
    <Empty title="No evaluation datasets yet">
      <p>
        An evaluation dataset has questions with what is expected of an answer. Choose some{" "}
        <Link to="/traces" className={LINK}>
          traces
        </Link>{" "}
        and press <em>Add to dataset</em>, or make one by MLflow&apos;s client:
      </p>
      <div className="mt-2 text-left">
        <CommandLine text={made(window.location.origin)} />
      </div>
    </Empty>
  );
}
