/** The question of a bad day: which live applications use a model trained on this dataset? */

import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { useUses } from "../../api/deployments";
import { Button, Chip, Failure, Waiting } from "../../ui";
import { count, when } from "../../ui/format";
import { Field, INPUT, LINK, Since, VersionLink } from "../models/parts";
import { CommandLine, Remark } from "../../ui/parts";
import { useSearchText } from "../../ui/useSearchText";

export function Uses() {
  const [dataset, setDataset] = useSearchText("dataset");
  const [before, setBefore] = useSearchText("before");
  const [name, setName] = useState(dataset);
  const [day, setDay] = useState(before);
  const moment = before ? new Date(`${before}T00:00:00`).toISOString() : "";
  const found = useUses(dataset, moment);
  return (
    <div className="min-h-0 flex-1 overflow-auto">
      <div className="mx-auto grid max-w-5xl gap-3 p-4">
        <form
          className="grid gap-3 rounded border border-line bg-panel p-3"
          onSubmit={(event) => {
            event.preventDefault();
            setDataset(name.trim());
            setBefore(day);
          }}
        >
          <h2 className="font-semibold">
            Which live applications use a model that was trained on a dataset before some day?
          </h2>
          <div className="flex flex-wrap items-end gap-3">
            <Field label="Dataset">
              <input
                autoFocus
                value={name}
                placeholder="such as scans"
                onChange={(event) => setName(event.target.value)}
                className={`${INPUT} !w-64`}
              />
            </Field>
            <Field label="Trained before">
              <input
                type="date"
                value={day}
                onChange={(event) => setDay(event.target.value)}
                className={`${INPUT} !w-44`}
              />
            </Field>
            <Button type="submit" look="main" className="!h-8" disabled={!name.trim()}>
              Ask
            </Button>
          </div>
          <p className="text-muted">
            From the deployments to the versions, from these to their runs, and from the runs to the
            datasets they read. Without a day, all of them count.
          </p>
        </form>
        {dataset !== "" && found.isPending && <Waiting what="Following the lineage" />}
        {found.isError && <Failure error={found.error} onRetry={() => void found.refetch()} />}
        {found.data && (
          <section className="rounded border border-line bg-panel" aria-live="polite">
            <header className="flex min-h-9 items-center border-b border-line px-3">
              <h2 className="font-semibold">
                {count(found.data.length, "answer")} for <bdi>{dataset}</bdi>
                {before && `, trained before ${before}`}
              </h2>
            </header>
            {found.data.length === 0 ? (
              <Remark>
                No live application goes back to it: as far as runs noted what they read.
              </Remark>
            ) : (
              <div className="overflow-x-auto">
                <table className="w-full text-left whitespace-nowrap">
                  <thead className="text-muted">
                    <tr className="border-b border-line">
                      {["Environment", "Application", "Model", "Run", "Trained", "Dataset"].map(
                        (one) => (
                          <th key={one} scope="col" className="px-3 py-1.5 font-medium">
                            {one}
                          </th>
                        ),
                      )}
                    </tr>
                  </thead>
                  <tbody>
                    {found.data.map((use) => (
                      <tr
                        key={`${use.deployment_id} ${use.dataset_version} ${use.context}`}
                        className="border-b border-line last:border-0"
                      >
                        <td className="px-3 py-1">
                          <bdi>{use.environment}</bdi>
                        </td>
                        <td className="px-3 py-1">
                          <bdi>{use.application}</bdi>{" "}
                          <span className="text-muted">{use.application_version}</span>
                        </td>
                        <td className="px-3 py-1">
                          <VersionLink name={use.model} version={use.version} isWhole />
                        </td>
                        <td className="px-3 py-1">
                          <Link
                            to="/p/$experiment/runs/$run"
                            params={{ experiment: use.experiment_id, run: use.run_id }}
                            className={LINK}
                          >
                            <bdi>{use.run_name ?? use.run_id.slice(0, 12)}</bdi>
                          </Link>
                        </td>
                        <td className="px-3 py-1" title={when(use.trained_at)}>
                          <Since moment={use.trained_at} />
                        </td>
                        <td className="px-3 py-1">
                          <bdi>{use.dataset}</bdi>
                          {use.dataset_version !== null && ` v${use.dataset_version}`}{" "}
                          {use.context && <Chip>{use.context}</Chip>}
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )}
          </section>
        )}
        {dataset !== "" && (
          <div className="grid gap-1">
            <CommandLine why="The same as SQL, to go on from:" text={asSql(dataset, before)} />
            <Link to="/query" search={{ sql: asSql(dataset, before) }} className={LINK}>
              Open it in the SQL lab
            </Link>
          </div>
        )}
      </div>
    </div>
  );
}

/** The question as SQL over the warehouse's tables. */
export function asSql(dataset: string, day: string): string {
  const text = (value: string) => `'${value.replaceAll("'", "''")}'`;
  return [
    "select distinct d.environment, d.application, d.application_version,",
    "       v.name as model, v.version, s.name || '@' || s.version as dataset,",
    "       r.started_at as trained_at",
    "from deployments d",
    "join model_versions v on v.version_id = d.version_id and v.lifecycle = 'active'",
    "join runs r on r.run_id = v.run_id",
    "join lineage l on l.run_id = r.run_id and l.direction = 'read'",
    "join datasets s on l.asset = 'dataset:' || s.dataset_id",
    `where d.ended_at is null and s.name = ${text(dataset)}`,
    ...(day ? [`  and r.started_at < ${text(day)}::timestamptz`] : []),
    "order by all",
  ].join("\n");
}
