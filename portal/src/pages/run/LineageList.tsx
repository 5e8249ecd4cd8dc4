/** What a run read and what it wrote: one step each way, with the names that people know. */

import { Link } from "@tanstack/react-router";

import { Chip, Failure } from "../../ui";
import { NodeName } from "../lineage/kinds";
import { useLineage, type LineageGraph } from "./data";
import { Remark, Section } from "../../ui/parts";

export function LineageList({ run }: { run: string }) {
  const found = useLineage(run);
  if (found.isPending)
    return (
      <Section title="Inputs and outputs">
        <Remark>Looking …</Remark>
      </Section>
    );
  if (found.isError)
    return (
      <Section title="Inputs and outputs">
        <Failure error={found.error} onRetry={() => void found.refetch()} />
      </Section>
    );
  const graph = found.data;
  const inputs = graph.edges.filter((edge) => edge.target === graph.root);
  const outputs = graph.edges.filter((edge) => edge.source === graph.root);
  return (
    <Section
      title="Inputs and outputs"
      side={
        <Link
          to="/lineage/$kind/$id"
          params={{ kind: "run", id: run }}
          className="rounded px-2 py-0.5 text-accent hover:underline"
        >
          Show the graph
        </Link>
      }
    >
      {inputs.length + outputs.length === 0 ? (
        <Remark>
          None noted: <code>run.log_input</code> and <code>run.log_output</code> name datasets, and
          models that the run makes are noted by themselves.
        </Remark>
      ) : (
        <div className="grid gap-2 p-3">
          <Side title="Read" edges={inputs} end="source" graph={graph} />
          <Side title="Wrote" edges={outputs} end="target" graph={graph} />
        </div>
      )}
    </Section>
  );
}

function Side({
  title,
  edges,
  end,
  graph,
}: {
  title: string;
  edges: LineageGraph["edges"];
  end: "source" | "target";
  graph: LineageGraph;
}) {
  if (edges.length === 0) return null;
  return (
    <div>
      <h3 className="text-muted">{title}</h3>
      <ul>
        {edges.map((edge) => (
          <li key={edge[end]} className="flex items-center gap-2 py-0.5">
            <Ending node={edge[end]} graph={graph} />
            {edge.context && <Chip>{edge.context}</Chip>}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** A node by its kind and name, where it leads somewhere. */
function Ending({ node, graph }: { node: string; graph: LineageGraph }) {
  const found = graph.nodes.find((one) => one.node === node);
  return found ? <NodeName node={found} /> : <span className="truncate">{node}</span>;
}
