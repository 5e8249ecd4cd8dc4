/** An experiment without runs, or a filter that none of them passes; and the charts beside it. */

import { Button, Empty } from "../../ui";

export function NoRuns({
  name,
  isFiltered,
  onAll,
}: {
  name: string;
  isFiltered: boolean;
  onAll: () => void;
}) {
  if (isFiltered)
    return (
      <Empty title="No run matches">
        <p>Loosen the filter, or look at all runs in use.</p>
        <Button className="mt-3" onClick={onAll}>
          Show all runs
        </Button>
      </Empty>
    );
  return (
    <Empty title="No runs yet">
      <p>Log the first one from any Python program:</p>
      <pre className="mt-2 rounded bg-raised p-3 text-left font-mono text-text">
        {`import mere\n\nwith mere.start_run(${JSON.stringify(name)}) as run:\n    run.log({"loss": 0.5})`}
      </pre>
    </Empty>
  );
}

/** Beside the table, which says why there are none and what to do. */
export function NoCharts() {
  return (
    <Empty title="No runs to draw">
      Charts of the runs in the table appear here as soon as there are some.
    </Empty>
  );
}
