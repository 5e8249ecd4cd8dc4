/** Who used a dataset, or one version of it: runs, the models that came of them, where these run. */

import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { useUsage, type UsageRun } from "../../api/datasets";
import { Button, Chip, Failure, Status } from "../../ui";
import { Remark, Section } from "../../ui/parts";
import { Since, VersionLink } from "./parts";

const PAGE = 50;

export function UsageOf({
  of,
  name,
}: {
  of: { name: string } | { dataset_id: string };
  name: string;
}) {
  const [shown, setShown] = useState(PAGE);
  const found = useUsage(of, shown);
  if (found.isPending) return <Remark>Looking who used it …</Remark>;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  const { runs, runs_total, models, models_total } = found.data;
  return (
    <>
      <Section title={`Runs (${runs_total.toLocaleString("en")})`}>
        {runs.length === 0 ? (
          <Remark>
            No run says that it read or wrote it: <code>run.log_input</code> and{" "}
            <code>run.log_output</code> do.
          </Remark>
        ) : (
          <div className="overflow-x-auto">
            <table className="w-full min-w-[34rem]">
              <thead className="text-left text-muted">
                <tr className="border-b border-line">
                  <th className="px-3 py-1 font-medium">Run</th>
                  <th className="px-3 font-medium">Status</th>
                  <th className="px-3 font-medium">Did</th>
                  <th className="px-3 font-medium">Experiment</th>
                  <th className="px-3 font-medium">When</th>
                </tr>
              </thead>
              <tbody>
                {runs.map((run) => (
                  <Row
                    key={`${run.run_id} ${run.version} ${run.direction}`}
                    run={run}
                    name={name}
                  />
                ))}
              </tbody>
            </table>
          </div>
        )}
        {runs.length < runs_total && (
          <div className="p-2">
            <Button disabled={shown >= 1_000} onClick={() => setShown(Math.min(1_000, shown * 4))}>
              Show more: {(runs_total - runs.length).toLocaleString("en")} are left
            </Button>
          </div>
        )}
      </Section>
      <Section title={`Models that came of it (${models_total.toLocaleString("en")})`}>
        {models.length === 0 ? (
          <Remark>No version of a model was made by a run that read it.</Remark>
        ) : (
          <ul>
            {models.map((one) => (
              <li
                key={`${one.name}/${one.version}`}
                className="flex flex-wrap items-center gap-2 border-b border-line px-3 py-1 last:border-0"
              >
                <Link
                  to="/models/$model/v/$version"
                  params={{ model: one.name, version: String(one.version) }}
                  className="text-accent hover:underline"
                >
                  <bdi>
                    {one.name}/{one.version}
                  </bdi>
                </Link>
                {one.aliases.map((alias) => (
                  <Chip key={alias}>{alias}</Chip>
                ))}
                {one.live.length > 0 && (
                  <span className="ml-auto">
                    <span aria-hidden="true" className="text-good">
                      ●{" "}
                    </span>
                    live in {one.live.join(", ")}
                  </span>
                )}
              </li>
            ))}
          </ul>
        )}
      </Section>
    </>
  );
}

function Row({ run, name }: { run: UsageRun; name: string }) {
  const label = run.name ?? run.run_id.slice(0, 12);
  return (
    <tr className="border-b border-line last:border-0">
      <td className="max-w-52 truncate px-3 py-1" title={label}>
        {run.experiment_id ? (
          <Link
            to="/p/$experiment/runs/$run"
            params={{ experiment: run.experiment_id, run: run.run_id }}
            className="text-accent hover:underline"
          >
            <bdi>{label}</bdi>
          </Link>
        ) : (
          <bdi>{label}</bdi>
        )}
      </td>
      <td className="px-3">{run.status && <Status value={run.status} />}</td>
      <td className="px-3 whitespace-nowrap">
        {run.direction === "read" ? "read " : "wrote "}
        {run.version !== null && <VersionLink name={name} version={run.version} />}
        {run.context && <span className="text-muted"> for {run.context}</span>}
      </td>
      <td className="max-w-40 truncate px-3" title={run.experiment ?? ""}>
        {run.experiment}
      </td>
      <td className="px-3 whitespace-nowrap">
        <Since at={run.logged_at} />
      </td>
    </tr>
  );
}
