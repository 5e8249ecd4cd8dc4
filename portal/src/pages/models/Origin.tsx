/** Where a version came from: the run that made it, and what that run read. */

import { Link } from "@tanstack/react-router";

import type { Version } from "../../api/models";
import { Chip, Failure } from "../../ui";
import { useLineage, useRun } from "../run/data";
import { Facts, Remark, runLabel, Section } from "../../ui/parts";
import { LINK } from "./parts";

export function Origin({ version }: { version: Version }) {
  const id = `${version.name}/${version.version}`;
  return (
    <Section
      title="Where it came from"
      side={
        <Link to="/lineage/$kind/$id" params={{ kind: "model", id }} className={LINK}>
          Lineage
        </Link>
      }
    >
      {version.run_id ? (
        <FromRun run={version.run_id} />
      ) : (
        <Remark>No run is known that made it.</Remark>
      )}
    </Section>
  );
}

function FromRun({ run: runId }: { run: string }) {
  const run = useRun(runId);
  const graph = useLineage(runId);
  if (run.isPending) return <Remark>Looking …</Remark>;
  if (run.isError) return <Failure error={run.error} />;
  const inputs = (graph.data?.edges ?? []).filter((edge) => edge.target === graph.data?.root);
  const labels = new Map(graph.data?.nodes.map((one) => [one.node, one.label]));
  return (
    <Facts
      of={[
        [
          "Run",
          <Link
            key="r"
            to="/p/$experiment/runs/$run"
            params={{ experiment: run.data.run.experiment_id, run: runId }}
            className={LINK}
          >
            <bdi>{runLabel(run.data.run)}</bdi>
          </Link>,
        ],
        ["Experiment", run.data.experiment],
        ["Code", run.data.run.source?.git_commit?.slice(0, 12)],
        [
          "Trained on",
          inputs.length > 0 && (
            <ul key="d">
              {inputs.map((edge) => (
                <li key={edge.source} className="flex min-w-0 items-center gap-1.5">
                  <Source node={edge.source} label={labels.get(edge.source) ?? edge.source} />
                  {edge.context && <Chip>{edge.context}</Chip>}
                </li>
              ))}
            </ul>
          ),
        ],
      ]}
    />
  );
}

/** Something that the run read; a dataset's version leads to its page. */
function Source({ node, label }: { node: string; label: string }) {
  const named = /^(.*)@(\d+)$/s.exec(label);
  if (!node.startsWith("dataset:") || !named)
    return (
      <span className="truncate" title={node}>
        {label}
      </span>
    );
  return (
    <Link
      to="/datasets/$dataset/v/$version"
      params={{ dataset: named[1] ?? "", version: named[2] ?? "" }}
      className={`${LINK} truncate`}
    >
      <bdi>{label}</bdi>
    </Link>
  );
}
