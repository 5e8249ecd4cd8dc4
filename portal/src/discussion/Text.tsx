/** What somebody said, as it looks: Markdown, names marked, and long texts folded. */

import { useMemo, useState } from "react";

import { rendered } from "../ui/Markdown";
import { Button, cx } from "../ui";
import { pieces } from "./mentions";

const FOLDED_CHARS = 1_500;
const FOLDED_LINES = 24;
const PLAIN = new Set(["A", "CODE", "PRE"]);

/** The same with the names of those who were told marked; links and code stay as they are. */
export function marked(html: string, names: readonly string[]): string {
  if (names.length === 0) return html;
  const holder = document.createElement("template");
  holder.innerHTML = html;
  mark(holder.content, names);
  return holder.innerHTML;
}

function mark(node: Node, names: readonly string[]): void {
  for (const child of [...node.childNodes]) {
    if (child instanceof Text) {
      const found = pieces(child.data, names);
      if (!found.some((piece) => piece.isName)) continue;
      child.replaceWith(
        ...found.map((piece) => {
          if (!piece.isName) return piece.text;
          const name = document.createElement("strong");
          name.className = "mention";
          name.textContent = piece.text;
          return name;
        }),
      );
    } else if (!PLAIN.has(child.nodeName)) mark(child, names);
  }
}

export default function CommentText({ text, names }: { text: string; names: readonly string[] }) {
  const html = useMemo(() => marked(rendered(text), names), [text, names]);
  const isLong = text.length > FOLDED_CHARS || text.split("\n").length > FOLDED_LINES;
  const [isOpen, setOpen] = useState(false);
  return (
    <div className="min-w-0">
      <div
        className={cx(
          "markdown !max-w-none !p-0",
          isLong &&
            !isOpen &&
            "max-h-72 overflow-hidden [mask-image:linear-gradient(#000_80%,transparent)]",
        )}
        // Rendered without HTML of its own, and cleaned: see Markdown.
        dangerouslySetInnerHTML={{ __html: html }}
      />
      {isLong && (
        <Button look="quiet" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? "Show less" : "Show all of it"}
        </Button>
      )}
    </div>
  );
}
