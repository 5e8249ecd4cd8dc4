/** All experiments: how many runs each has, and when the last one began. */

import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";

import { useExperiments } from "../api/experiments";
import { Empty, Failure, Waiting } from "../ui";
import { ago, count, when } from "../ui/format";

export default function Experiments() {
  const experiments = useExperiments();
  const [wanted, setWanted] = useState("");
  const shown = useMemo(() => {
    const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
    return (experiments.data ?? []).filter((one) =>
      words.every((word) => one.name.toLowerCase().includes(word)),
    );
  }, [experiments.data, wanted]);

  if (experiments.isPending) return <Waiting />;
  if (experiments.isError)
    return <Failure error={experiments.error} onRetry={() => void experiments.refetch()} />;
  if (experiments.data.length === 0)
    return (
      <Empty title="No experiments yet">
        <p>Log a first run from any Python program:</p>
        <pre className="mt-2 rounded bg-raised p-3 text-left font-mono text-text">
          {'import mere\n\nwith mere.start_run("digits") as run:\n    run.log({"loss": 0.5})'}
        </pre>
      </Empty>
    );
  return (
    <div className="mx-auto max-w-5xl p-4">
      <div className="mb-3 flex items-center gap-3">
        <h1 className="text-lg font-semibold">Experiments</h1>
        <span className="text-muted">{count(experiments.data.length, "experiment")}</span>
        <input
          type="search"
          aria-label="Find an experiment by name"
          placeholder="Find by name"
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
          className="ml-auto h-7 w-64 rounded border border-line bg-panel px-2"
        />
      </div>
      <table className="w-full rounded border border-line bg-panel">
        <thead className="text-left text-muted">
          <tr className="border-b border-line">
            <th className="px-3 py-1.5 font-medium">Name</th>
            <th className="px-3 py-1.5 text-right font-medium">Runs</th>
            <th className="px-3 py-1.5 font-medium">Last run</th>
            <th className="px-3 py-1.5 font-medium">Created by</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((one) => (
            <tr key={one.experiment_id} className="border-b border-line last:border-0">
              <td className="px-3 py-1.5">
                <Link
                  to="/p/$experiment"
                  params={{ experiment: one.experiment_id }}
                  className="font-medium text-accent hover:underline"
                >
                  {one.name}
                </Link>
              </td>
              <td className="px-3 py-1.5 text-right tabular-nums">
                {one.runs.toLocaleString("en")}
              </td>
              <td className="px-3 py-1.5" title={when(one.last_run_at)}>
                {ago(one.last_run_at)}
              </td>
              <td className="px-3 py-1.5">{one.created_by}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
