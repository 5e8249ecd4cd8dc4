/** What a run ran in: Python, machine, packages, and the variables that steer numbers. */

import { useMemo, useRef } from "react";

import { Chip, Empty, Failure, Waiting } from "../../ui";
import { count } from "../../ui/format";
import { useEnvironment, type Distribution } from "./data";
import { CopyButton, Facts, holds, Remark, SearchBox, Section } from "../../ui/parts";
import type { TabProps } from "./RunPage";
import { useSearchText } from "../../ui/useSearchText";
import { useFixedRows } from "../../ui/useFixedRows";

const ROW_PX = 26;

export default function Environment({ page }: TabProps) {
  const found = useEnvironment(page.run.run_id);
  if (found.isPending) return <Waiting what="Loading the environment" />;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  const { environment, problem, digest } = found.data;
  if (!environment) return <Empty title="No environment was stored">{problem}</Empty>;
  return (
    <div className="grid h-full min-h-0 grid-cols-1 gap-3 p-3 lg:grid-cols-[minmax(18rem,1fr)_minmax(0,2fr)]">
      <div className="flex min-h-0 flex-col gap-3 overflow-auto">
        <Section title="Python and machine">
          <Facts
            of={[
              ["Python", `${environment.implementation ?? "CPython"} ${environment.python}`],
              ["Build", environment.build],
              ["Options", environment.options?.join(" ")],
              ["PYTHONPATH", environment.path?.join(":")],
              ["Platform", environment.platform],
              ["Architecture", environment.machine],
              ["Processor", environment.cpu],
              ["GPUs", environment.gpus?.join(", ")],
              ["CUDA", environment.cuda],
              ["NVIDIA driver", environment.driver],
              ["mere", environment.mere],
              [
                "Digest",
                digest && (
                  <span className="font-mono text-xs" title="Equal environments have equal ones">
                    {digest.slice(0, 16)}
                  </span>
                ),
              ],
            ]}
          />
        </Section>
        <Section title="Variables">
          {environment.variables && Object.keys(environment.variables).length > 0 ? (
            <Facts of={Object.entries(environment.variables)} />
          ) : (
            <Remark>None of those that steer numbers was set.</Remark>
          )}
        </Section>
      </div>
      <Packages all={environment.distributions ?? []} />
    </div>
  );
}

function Packages({ all }: { all: readonly Distribution[] }) {
  const [wanted, setWanted] = useSearchText("q");
  const shown = useMemo(
    () => all.filter((one) => holds(`${one.name} ${one.version} ${one.url ?? ""}`, wanted)),
    [all, wanted],
  );
  const pinned = useMemo(() => all.map(requirement).join("\n"), [all]);
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useFixedRows(scroller, shown.length, ROW_PX);
  return (
    <Section
      title={count(all.length, "package")}
      className="flex min-h-0 flex-col"
      side={
        <>
          <SearchBox label="Find packages" value={wanted} onChange={setWanted} />
          <CopyButton text={pinned} what="Copy as requirements" />
        </>
      }
    >
      {shown.length === 0 && <Remark>No package has “{wanted}” in its name or version.</Remark>}
      <div
        ref={scroller}
        tabIndex={0}
        role="table"
        aria-label="Packages"
        aria-rowcount={shown.length}
        className="min-h-0 flex-1 overflow-auto"
      >
        <div role="rowgroup" className="relative" style={{ height: rows.height }}>
          {rows.rows.map((item) => {
            const one = shown[item.index]!;
            return (
              <div
                key={item.index}
                role="row"
                aria-rowindex={item.index + 1}
                className="absolute inset-x-0 flex items-center gap-3 border-b border-line px-3 hover:bg-raised"
                style={{ height: ROW_PX, top: item.top }}
              >
                <span role="rowheader" className="w-64 shrink-0 truncate">
                  {one.name}
                </span>
                <span role="cell" className="w-32 shrink-0 truncate font-mono text-xs">
                  {one.version}
                </span>
                <span role="cell" className="min-w-0 truncate text-muted" title={origin(one)}>
                  {one.is_editable && <Chip>editable</Chip>} {origin(one)}
                </span>
              </div>
            );
          })}
        </div>
      </div>
    </Section>
  );
}

function origin(one: Distribution): string {
  const place = one.local === undefined ? one.url : `${one.local || "."} of the run's code`;
  return [place, one.commit?.slice(0, 10)].filter(Boolean).join(" at ");
}

/** A line of a requirements file; what came from a place of its own is named with it. */
export function requirement(one: Distribution): string {
  if (one.local !== undefined) return `# ${one.name} ${one.version}: of the run's code`;
  if (one.vcs && one.url && one.commit) return `${one.name} @ ${one.vcs}+${one.url}@${one.commit}`;
  return one.url ? `${one.name} @ ${one.url}` : `${one.name}==${one.version}`;
}
