/** A diff of any length, unified: files with their lines, of which those in sight are in the page. */

import { useCallback, useMemo, useRef } from "react";

import { Chip, cx } from "../../../ui";
import { count } from "../../../ui/format";
import { readDiff, type DiffFile, type DiffLine } from "./diff";
import { useFixedRows } from "../useFixedRows";

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

type Row = { file: DiffFile; line: DiffLine | null };

export function DiffView({ text }: { text: string }) {
  const files = useMemo(() => readDiff(text), [text]);
  const rows = useMemo<Row[]>(
    () =>
      files.flatMap((file) => [
        { file, line: null },
        ...file.lines.map((line) => ({ file, line })),
      ]),
    [files],
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
      <div className="relative w-max min-w-full" style={{ height: list.height }}>
        {list.rows.map((item) => {
          const row = rows[item.index]!;
          return (
            <div
              key={item.index}
              className="absolute left-0 w-max min-w-full"
              style={{ top: item.top, height: item.height }}
            >
              {row.line ? <Line line={row.line} /> : <Head file={row.file} />}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Head({ file }: { file: DiffFile }) {
  return (
    <h3
      className="flex items-center gap-2 border-y border-line bg-panel px-3 font-sans text-[13px] font-medium"
      style={{ height: HEAD_PX }}
    >
      {file.from && `${file.from} → `}
      {file.path}
      {file.change !== "changed" && <Chip>{file.change}</Chip>}
      {file.isBinary && <Chip>no text</Chip>}
      <span className="text-good">+{file.added}</span>
      <span className="text-bad">−{file.deleted}</span>
    </h3>
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
