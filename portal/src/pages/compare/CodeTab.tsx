/** The code of the runs: what of it differs, and the difference between any two of them. */

import { useCodeDiff, type ComparedRun } from "../../api/compare";
import { Button, Chip, Empty, Failure, Waiting } from "../../ui";
import { count } from "../../ui/format";
import { DiffView } from "../../diff/DiffView";
import { CopyButton } from "../../ui/parts";
import { nameOf } from "./Heads";
import { SheetTab, type SheetTabProps } from "./SheetTab";
import { idsOf } from "./state";

type Props = Omit<SheetTabProps, "family" | "nothing"> & { pair: string; look: string };

export default function CodeTab(props: Props) {
  const { set, pair, look } = props;
  if (pair) return <Difference {...props} isSplit={look !== "unified"} />;
  return (
    <SheetTab
      {...props}
      family="code"
      nothing="No code was stored of these runs: they were imported, or logged from elsewhere."
      tools={
        props.total > 1 && (
          <Button look="main" onClick={() => set({ pair: pairOf(props).join(",") })}>
            Compare two line by line
          </Button>
        )
      }
    />
  );
}

/** The baseline, or else the first run, and the next one. */
function pairOf({ heads, rows }: Props): [string, string] {
  const ids = heads.map((run) => run.run_id);
  const first = rows.baseline && ids.includes(rows.baseline) ? rows.baseline : (ids[0] ?? "");
  return [first, ids.find((id) => id !== first) ?? ""];
}

function Difference(props: Props & { isSplit: boolean }) {
  const { heads, set, isSplit } = props;
  const [first = "", second = ""] = idsOf(props.pair);
  const found = useCodeDiff(first, second);
  const turn = (before: string, after: string) => set({ pair: [before, after].join(",") });
  return (
    <div className="flex h-full min-h-0 flex-col bg-panel">
      <div className="flex shrink-0 flex-wrap items-center gap-2 border-b border-line px-3 py-1.5">
        <Button onClick={() => set({ pair: undefined })}>← All runs</Button>
        <Which label="Before" chosen={first} heads={heads} onChoose={(id) => turn(id, second)} />
        <Button aria-label="Swap the two" title="Swap the two" onClick={() => turn(second, first)}>
          ⇄
        </Button>
        <Which label="After" chosen={second} heads={heads} onChoose={(id) => turn(first, id)} />
        <Button
          aria-pressed={isSplit}
          onClick={() => set({ look: isSplit ? "unified" : undefined })}
        >
          {isSplit ? "One below the other" : "Side by side"}
        </Button>
        {found.data && (
          <span className="text-muted" role="status">
            {count(found.data.files.length, "file differs", "files differ")}, {found.data.same} the
            same
          </span>
        )}
        {found.data?.text && (
          <span className="ml-auto">
            <CopyButton text={found.data.text} what="Copy as a patch" />
          </span>
        )}
      </div>
      {first === second ? (
        <Empty title="These are one and the same run">Choose two different ones.</Empty>
      ) : found.isError ? (
        <Failure error={found.error} onRetry={() => void found.refetch()} />
      ) : !found.data ? (
        <Waiting what="Comparing the code" />
      ) : (
        <>
          {found.data.problem && (
            <p className="border-b border-line px-3 py-1 text-warn">{found.data.problem}</p>
          )}
          {found.data.files.some((file) => file.problem) && (
            <p className="flex flex-wrap gap-1 border-b border-line px-3 py-1">
              {found.data.files
                .filter((file) => file.problem)
                .map((file) => (
                  <Chip key={file.path} title={file.problem ?? ""}>
                    {file.path}: {file.problem}
                  </Chip>
                ))}
            </p>
          )}
          {found.data.text ? (
            <DiffView text={found.data.text} isSplit={isSplit} />
          ) : (
            !found.data.problem && <Empty title="The code is the same" />
          )}
        </>
      )}
    </div>
  );
}

function Which(props: {
  label: string;
  chosen: string;
  heads: readonly ComparedRun[];
  onChoose: (id: string) => void;
}) {
  return (
    <label className="flex items-center gap-1.5">
      <span className="text-muted">{props.label}</span>
      <select
        value={props.chosen}
        onChange={(event) => props.onChoose(event.target.value)}
        className="h-7 max-w-56 rounded border border-line bg-panel px-1"
      >
        {props.heads.map((run) => (
          <option key={run.run_id} value={run.run_id}>
            {nameOf(run)}
          </option>
        ))}
      </select>
    </label>
  );
}
