/** One line of a log: its number, when, which stream, and the text with its colours. */

import { memo, useMemo } from "react";

import { cx } from "../../../ui";
import { pieces, stripped, type Piece } from "./ansi";
import { marksIn } from "./useFind";
import type { LogLine } from "./useLines";
import { LINE_PX } from "./useLogScroll";

const CHARS_MAX = 5_000;
const COLOURS: Record<string, string> = {
  bad: "text-bad",
  good: "text-good",
  warn: "text-warn",
  accent: "text-accent",
  muted: "text-muted",
};

export interface LineLooks {
  hasColours: boolean;
  hasTimes: boolean;
  found: string;
  isRegex: boolean;
}

export const Line = memo(function Line({
  number,
  line,
  top,
  looks,
  isChosen,
  onChoose,
}: {
  number: number;
  line: LogLine | undefined;
  top: number;
  looks: LineLooks;
  isChosen: boolean;
  onChoose: (line: number) => void;
}) {
  const isError = line?.stream === "stderr";
  return (
    <div
      role="row"
      aria-rowindex={number + 1}
      className={cx(
        "absolute left-0 flex w-max min-w-full items-center pr-4 whitespace-pre",
        isChosen ? "bg-chosen" : "hover:bg-raised",
      )}
      style={{ top, height: LINE_PX }}
    >
      <span role="rowheader" className="w-20 shrink-0 pr-3 text-right tabular-nums select-none">
        <button
          type="button"
          tabIndex={-1}
          title="Link to this line"
          onClick={() => onChoose(number)}
          className="text-muted hover:underline"
        >
          {(number + 1).toLocaleString("en")}
        </button>
      </span>
      {looks.hasTimes && (
        <span role="cell" className="w-28 shrink-0 text-muted select-none">
          {clock(line?.timestamp_us)}
        </span>
      )}
      <span
        role="cell"
        title={isError ? "Standard error" : undefined}
        className={cx("w-4 shrink-0 select-none", isError ? "text-bad" : "text-muted")}
      >
        {isError ? "!" : ""}
        {isError && <span className="sr-only">standard error</span>}
      </span>
      <span role="cell">{line && <Text text={line.text ?? ""} looks={looks} />}</span>
    </div>
  );
});

function Text({ text, looks }: { text: string; looks: LineLooks }) {
  const shown = useMemo(() => text.slice(0, CHARS_MAX), [text]);
  const more = text.length - shown.length;
  const plain = useMemo(() => stripped(shown), [shown]);
  const marks = useMemo(
    () => marksIn(plain, looks.found, looks.isRegex),
    [plain, looks.found, looks.isRegex],
  );
  return (
    <>
      {marks.length > 0 ? (
        <Marked text={plain} marks={marks} />
      ) : looks.hasColours ? (
        pieces(shown).map((piece, number) => <Look key={number} piece={piece} />)
      ) : (
        plain
      )}
      {more > 0 && (
        <span className="text-muted"> … {more.toLocaleString("en")} more characters</span>
      )}
    </>
  );
}

function Look({ piece }: { piece: Piece }) {
  const looks = cx(
    piece.colour && COLOURS[piece.colour],
    piece.isBold && "font-bold",
    piece.isDim && "opacity-75",
    piece.isItalic && "italic",
    piece.isUnderlined && "underline",
  );
  return looks ? <span className={looks}>{piece.text}</span> : <>{piece.text}</>;
}

function Marked({ text, marks }: { text: string; marks: [number, number][] }) {
  const parts: React.ReactNode[] = [];
  let from = 0;
  for (const [begin, end] of marks) {
    parts.push(text.slice(from, begin));
    parts.push(
      <mark key={begin} className="bg-warn text-ground">
        {text.slice(begin, end)}
      </mark>,
    );
    from = end;
  }
  parts.push(text.slice(from));
  return <>{parts}</>;
}

function clock(us: number | null | undefined): string {
  if (us === null || us === undefined) return "";
  const time = new Date(us / 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  const ms = String(time.getMilliseconds()).padStart(3, "0");
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${ms}`;
}
