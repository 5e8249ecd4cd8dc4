/** All metrics of the run as charts, without what its machines say of themselves. */

import { useMemo } from "react";

import { PanelBoard, type PanelRun } from "../../panels/PanelBoard";
import { runLabel } from "../../ui/parts";
import type { TabProps } from "./RunPage";

export default function Charts({ page }: TabProps) {
  const { run_id: runId, experiment_id: experiment } = page.run;
  const name = runLabel(page.run);
  const runs = useMemo<PanelRun[]>(() => [{ runId, name }], [runId, name]);
  return <PanelBoard experiment={experiment} runs={runs} keysOf={runId} />;
}
