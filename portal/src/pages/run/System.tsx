/** What the machines of the run say of themselves: processors, memory, GPUs, network. */

import { useMemo } from "react";

import { PanelBoard, type PanelRun } from "../../panels/PanelBoard";
import { Empty, Failure, Waiting } from "../../ui";
import { useRunMetrics } from "./data";
import { runLabel } from "../../ui/parts";
import type { TabProps } from "./RunPage";

const PREFIX = "system/";

export default function System({ page }: TabProps) {
  const { run_id: runId, experiment_id: experiment } = page.run;
  const name = runLabel(page.run);
  const runs = useMemo<PanelRun[]>(() => [{ runId, name }], [runId, name]);
  const found = useRunMetrics(runId, {
    search: PREFIX,
    order: "key",
    isDescending: false,
    page: 0,
  });
  if (found.isPending) return <Waiting what="Looking for measurements" />;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  if (!found.data.metrics.some((metric) => metric.key.startsWith(PREFIX)))
    return (
      <Empty title="No measurements of the machine">
        They are taken every few seconds while a run lasts, unless it was started with{" "}
        <code>start_run(system_metrics=False)</code>; a short run may end before the first.
      </Empty>
    );
  return <PanelBoard experiment={experiment} runs={runs} keysOf={runId} below={PREFIX} />;
}
