/** One value of a result, whole: as it is, or set out where it is nested or JSON. */

import { useMemo } from "react";

import { Dialog } from "../../ui";
import { size } from "../../ui/format";
import { CopyButton } from "../../ui/parts";
import { textOf, type Column } from "./values";

const SHOWN_CHARS = 200_000;

export function CellDialog({
  column,
  row,
  value,
  onClose,
}: {
  column: Column;
  row: number;
  value: unknown;
  onClose: () => void;
}) {
  const isNull = value === null || value === undefined;
  const text = useMemo(() => (isNull ? "" : textOf(value, column.type)), [value, column, isNull]);
  const shown = useMemo(() => setOut(text).slice(0, SHOWN_CHARS), [text]);
  return (
    <Dialog
      title={`${column.name}, row ${row.toLocaleString("en")}`}
      isOpen
      onClose={onClose}
      width="48rem"
    >
      <p className="mb-2 flex items-center gap-2 text-muted">
        <span className="min-w-0 truncate">{column.typeName}</span>
        {!isNull && <span className="shrink-0">{size(new Blob([text]).size)}</span>}
        <span className="ml-auto">
          {!isNull && <CopyButton text={text} what="Copy the value" />}
        </span>
      </p>
      {isNull ? (
        <p className="text-muted italic">null: there is no value</p>
      ) : (
        <pre
          tabIndex={0}
          aria-label="The value"
          className="max-h-[52vh] overflow-auto rounded border border-line bg-ground p-2 font-mono text-xs break-words whitespace-pre-wrap"
        >
          <bdi>{shown}</bdi>
          {text.length > SHOWN_CHARS && "\n… cut here; copy it to have all of it"}
        </pre>
      )}
    </Dialog>
  );
}

/** JSON with indents; all else as it is. */
function setOut(text: string): string {
  if (!/^[[{]/.test(text) || text.length > SHOWN_CHARS) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
