/** How to run a run again, and whether those who did came to the same numbers. */

import { Link } from "@tanstack/react-router";

import { Failure, Status } from "../../ui";
import { ago, number } from "../../ui/format";
import { useRepeats, type Repeat, type Run } from "./data";
import { CommandLine, Remark, Section } from "../../ui/parts";

const LOOKS: Record<string, string> = {
  equal: "text-good",
  "within tolerance": "text-good",
  different: "text-bad",
};

export function Repeats({ run }: { run: Run }) {
  const found = useRepeats(run.run_id);
  const isRepeatable = run.source?.git_commit != null || run.source?.entrypoint != null;
  return (
    <Section title="Repeat this run">
      <div className="grid gap-2 p-3">
        {run.repeats && (
          <p>
            It repeats{" "}
            <Link
              to="/p/$experiment/runs/$run"
              params={{ experiment: run.experiment_id, run: run.repeats }}
              className="text-accent hover:underline"
            >
              run {run.repeats.slice(0, 12)}
            </Link>
            {run.tags["mere.verdict"] && (
              <>
                : <Verdict value={run.tags["mere.verdict"]} />
              </>
            )}
            .
          </p>
        )}
        {isRepeatable ? (
          <>
            <CommandLine
              why="With its code, its packages and its data; then the numbers are compared:"
              text={`mere rerun ${run.run_id}`}
            />
            <CommandLine why="With the packages of now:" text={`mere rerun ${run.run_id} --here`} />
            <CommandLine
              why="Only restore the code and the list of packages:"
              text={`mere checkout ${run.run_id} --into ${folderName(run)}`}
            />
          </>
        ) : (
          <p className="text-muted">
            It noted neither its code nor its command (it was imported, or MERE_CAPTURE was off), so
            there is nothing to run again.
          </p>
        )}
      </div>
      {found.isError && <Failure error={found.error} onRetry={() => void found.refetch()} />}
      {found.data?.length === 0 && <Remark>Nobody has repeated it yet.</Remark>}
      <ul className="max-h-72 overflow-auto">
        {found.data?.map((repeat) => (
          <RepeatLine key={repeat.run_id} repeat={repeat} />
        ))}
      </ul>
    </Section>
  );
}

function RepeatLine({ repeat }: { repeat: Repeat }) {
  return (
    <li className="border-t border-line px-3 py-1">
      <div className="flex items-center gap-2">
        <Link
          to="/p/$experiment/runs/$run"
          params={{ experiment: repeat.experiment_id, run: repeat.run_id }}
          className="text-accent hover:underline"
        >
          {repeat.run_id.slice(0, 12)}
        </Link>
        {repeat.verdict ? (
          <Verdict value={repeat.verdict} />
        ) : (
          <Status value={repeat.status ?? "RUNNING"} />
        )}
        <span className="ml-auto text-muted">
          {ago(repeat.at_us === null ? null : repeat.at_us / 1000)}
        </span>
      </div>
      <div className="text-muted">
        {repeat.metrics}
        {Number(repeat.difference) > 0 && `, at most ${number(Number(repeat.difference))} apart`}
      </div>
    </li>
  );
}

function Verdict({ value }: { value: string }) {
  const mark = value === "equal" || value === "within tolerance" ? "✓" : "✕";
  return (
    <span className={LOOKS[value] ?? "text-warn"}>
      <span aria-hidden="true">{mark} </span>
      {value}
    </span>
  );
}

/** The run's name as a folder that needs no quotes in any shell. */
export function folderName(run: Pick<Run, "name" | "run_id">): string {
  const plain = (run.name ?? "").replace(/[^\w.-]+/g, "-").replace(/^[-.]+|[-.]+$/g, "");
  return plain || run.run_id.slice(0, 12);
}
