/** The editor's tools: each puts marks of Markdown around what is selected. */

import type { RefObject } from "react";

import { Button, Keys } from "../ui";

interface Mark {
  sign: string;
  name: string;
  before: string;
  after: string;
  /** At the beginning of the line instead. */
  isLine?: boolean;
}

const MARKS: readonly Mark[] = [
  { sign: "H", name: "Heading", before: "## ", after: "", isLine: true },
  { sign: "B", name: "Bold", before: "**", after: "**" },
  { sign: "I", name: "Italic", before: "*", after: "*" },
  { sign: "‹›", name: "Code", before: "`", after: "`" },
  { sign: "↗", name: "Link", before: "[", after: "](https://)" },
  { sign: "•", name: "List", before: "- ", after: "", isLine: true },
  { sign: "❝", name: "Quotation", before: "> ", after: "", isLine: true },
];

export function EditorBar({
  field,
  onText,
  onPanel,
}: {
  field: RefObject<HTMLTextAreaElement | null>;
  onText: (text: string) => void;
  onPanel: () => void;
}) {
  function put({ before, after, isLine }: Mark) {
    const area = field.current;
    if (area === null) return;
    const { value, selectionStart, selectionEnd } = area;
    const from = isLine ? value.lastIndexOf("\n", selectionStart - 1) + 1 : selectionStart;
    const chosen = value.slice(from, selectionEnd);
    area.focus();
    area.setRangeText(before + chosen + after, from, selectionEnd, "end");
    const to = from + before.length + chosen.length;
    area.setSelectionRange(chosen ? from + before.length : to, to);
    onText(area.value);
  }

  return (
    <div
      role="toolbar"
      aria-label="Text"
      className="flex shrink-0 flex-wrap items-center gap-1 border-b border-line bg-panel px-3 py-1"
    >
      {MARKS.map((mark) => (
        <Button
          key={mark.name}
          look="quiet"
          className="w-8 justify-center px-0"
          title={mark.name}
          aria-label={mark.name}
          onClick={() => put(mark)}
        >
          <span aria-hidden="true">{mark.sign}</span>
        </Button>
      ))}
      <Button onClick={onPanel} title="A slash at the beginning of a line does the same">
        + Panel <Keys of="/" />
      </Button>
    </div>
  );
}
