/** One evaluation dataset: its records, and what is known of it. */

import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";

import { useDatasetTicks } from "../../api/datasets";
import { evaluationDatasetAsked, type EvaluationDataset } from "../../api/evaluation";
import type { Beginning, Search } from "../../router";
import { useKeys, type Key } from "../../shell/keys";
import { Failure, Waiting } from "../../ui";
import { number } from "../../ui/format";
import { CopyButton } from "../../ui/parts";
import { TabBar, tabKeys, type Tab } from "../../ui/Tabs";
import { Since, Trail } from "../datasets/parts";
import { About } from "./About";
import { firstRecords, Records } from "./Records";

const RECORDS: Tab = { id: "records", label: "Records" };
const ABOUT: Tab = { id: "about", label: "About" };
const TABS = [RECORDS, ABOUT];

const searchOf = ({ id }: Tab): Search => ({ tab: id === RECORDS.id ? undefined : id });

export const beginning: Beginning = ({ cache, params, search }) => {
  const { dataset = "" } = params;
  void cache.prefetchQuery(evaluationDatasetAsked(dataset));
  if (search["tab"] !== ABOUT.id) void cache.prefetchQuery(firstRecords(dataset, search));
};

export default function Evaluation() {
  const { dataset: id = "" }: { dataset?: string } = useParams({ strict: false });
  const tab = useSearch({ strict: false, select: (search: Search) => search["tab"] });
  const found = useQuery(evaluationDatasetAsked(id));
  const navigate = useNavigate();
  useDatasetTicks();
  const keys = useMemo<Key[]>(
    () => tabKeys(TABS, (to) => void navigate({ to: ".", search: searchOf(to) })),
    [navigate],
  );
  useKeys("An evaluation dataset", keys);
  if (found.isPending) return <Waiting what="Loading the evaluation dataset" />;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  const of = found.data;
  const current = tab === ABOUT.id ? ABOUT : RECORDS;
  return (
    <div className="flex h-full min-h-0 flex-col">
      <Head of={of} />
      <TabBar
        label="Of this dataset"
        tabs={TABS}
        current={current.id}
        link={(to) => ({
          to: "/datasets/evaluation/$dataset",
          params: { dataset: id },
          search: searchOf(to),
        })}
        after={(one) => one === RECORDS && ` (${number(of.records)})`}
      />
      <div className="min-h-0 flex-1 overflow-auto">
        {current === ABOUT ? <About of={of} /> : <Records key={id} of={of} />}
      </div>
    </div>
  );
}

function Head({ of }: { of: EvaluationDataset }) {
  return (
    <header className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-panel px-4 pt-2 pb-1.5">
      <Trail tab="evaluation">
        <h1 className="min-w-0 text-base font-semibold text-text" title={of.name}>
          <bdi className="block max-w-[50vw] truncate">{of.name}</bdi>
        </h1>
      </Trail>
      <CopyButton text={of.dataset_id} what="Copy id" />
      <span className="min-w-0 truncate text-muted">
        changed <Since at={of.changed_at ?? null} />
        {of.changed_by && (
          <>
            {" "}
            by <bdi>{of.changed_by}</bdi>
          </>
        )}
      </span>
    </header>
  );
}
