/** A diff of any length, unified or side by side; only lines in sight are in the page. */

import { useCallback, useMemo, useRef } from "react";

import { Chip, cx } from "../ui";
import { count } from "../ui/format";
import { readDiff, sideBySide, type DiffFile, type DiffLine, type SplitLine } from "./diff";
import { useFixedRows } from "../ui/useFixedRows";

const ROW_PX = 19;
const HEAD_PX = 34;
const LOOKS: Record<DiffLine["kind"], string> = {
  hunk: "bg-raised text-muted",
  add: "text-good",
  delete: "text-bad",
  same: "",
  note: "text-muted italic",
};
const MARKS: Record<DiffLine["kind"], string> = {
  hunk: " ",
  add: "+",
  delete: "-",
  same: " ",
  note: " ",
};

/** A line, or the head of its file. */
type Row = { file: DiffFile; line: DiffLine | SplitLine | null };

export function DiffView({ text, isSplit = false }: { text: string; isSplit?: boolean }) {
  const files = useMemo(() => readDiff(text), [text]);
  const rows = useMemo<Row[]>(
    () =>
      files.flatMap((file) => [
        { file, line: null },
        ...(isSplit ? sideBySide(file.lines) : file.lines).map((line) => ({ file, line })),
      ]),
    [files, isSplit],
  );
  const heightOf = useCallback((index: number) => (rows[index]?.line ? ROW_PX : HEAD_PX), [rows]);
  const scroller = useRef<HTMLDivElement>(null);
  const list = useFixedRows(scroller, rows.length, heightOf);
  return (
    <div
      ref={scroller}
      tabIndex={0}
      role="group"
      aria-label={`Changes to ${count(files.length, "file")}`}
      className="min-h-0 flex-1 overflow-auto font-mono text-xs"
    >
      <div
        className={cx("relative min-w-full", !isSplit && "w-max")}
        style={{ height: list.height }}
      >
        {list.rows.map((item) => {
          const row = rows[item.index]!;
          return (
            <div
              key={item.index}
              className={cx("absolute left-0 min-w-full", isSplit ? "w-full" : "w-max")}
              style={{ top: item.top, height: item.height }}
            >
              {row.line === null ? (
                <Head file={row.file} />
              ) : "kind" in row.line ? (
                <Line line={row.line} />
              ) : (
                <Halves line={row.line} />
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Head({ file }: { file: DiffFile }) {
  return (
    <h2
      className="flex items-center gap-2 border-y border-line bg-panel px-3 font-sans text-[13px] font-medium"
      style={{ height: HEAD_PX }}
    >
      {file.from && `${file.from} → `}
      {file.path}
      {file.change !== "changed" && <Chip>{file.change}</Chip>}
      {file.isBinary && <Chip>no text</Chip>}
      <span className="text-good">+{file.added}</span>
      <span className="text-bad">−{file.deleted}</span>
    </h2>
  );
}

function Line({ line }: { line: DiffLine }) {
  const number = "w-12 shrink-0 pr-2 text-right text-muted tabular-nums select-none";
  return (
    <div
      className={cx("flex items-center pr-4 whitespace-pre", LOOKS[line.kind])}
      style={{ height: ROW_PX }}
    >
      <span className={number}>{line.before}</span>
      <span className={number}>{line.after}</span>
      <span className="w-4 shrink-0 select-none">{MARKS[line.kind]}</span>
      <span>{line.text}</span>
    </div>
  );
}

function Halves({ line: { before, after } }: { line: SplitLine }) {
  return (
    <div className="grid grid-cols-2" style={{ height: ROW_PX }}>
      <Half line={before} number={before?.before ?? null} />
      <Half line={after} number={after?.after ?? null} />
    </div>
  );
}

/** One side of a line; what is too long for it is cut, and there in its title. */
function Half({ line, number }: { line: DiffLine | null; number: number | null }) {
  return (
    <div
      title={line?.text}
      className={cx(
        "flex min-w-0 items-center border-r border-line pr-2 whitespace-pre",
        line === null ? "bg-ground" : LOOKS[line.kind],
      )}
    >
      <span className="w-12 shrink-0 pr-2 text-right text-muted tabular-nums select-none">
        {number}
      </span>
      <span className="w-4 shrink-0 select-none">{line && MARKS[line.kind]}</span>
      <span className="overflow-hidden text-ellipsis">{line?.text}</span>
    </div>
  );
}
