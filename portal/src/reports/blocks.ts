/** A report's text, parted into what is Markdown and what are panels. */

import { readPanel, type Read } from "./panel";

/** A stretch of the text; `from` and `to` are where it lies in it. */
export type Block =
  | { kind: "text"; text: string; from: number; to: number }
  | { kind: "panel"; read: Read; text: string; from: number; to: number };

const FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)[^\n`]*$/;

/** The same fences that Markdown knows, and that the server finds panels by. */
export function blocksOf(body: string): Block[] {
  const blocks: Block[] = [];
  let textFrom = 0;
  let [fence, isPanel, from, innerFrom] = ["", false, 0, 0];
  let at = 0;
  const put = (inner: string, to: number) => {
    putText(blocks, body, textFrom, from);
    blocks.push({ kind: "panel", read: readPanel(inner), text: inner, from, to });
    textFrom = to;
  };
  for (const line of body.split("\n")) {
    const end = Math.min(body.length, at + line.length + 1);
    const found = FENCE.exec(line.replace(/\r$/, ""));
    if (!fence && found) {
      [fence, isPanel, from, innerFrom] = [found[1]!, found[2] === "panel", at, end];
    } else if (fence && found && !found[2] && found[1]!.startsWith(fence)) {
      if (isPanel) put(body.slice(innerFrom, at).replace(/\n$/, ""), end);
      fence = "";
    }
    at = end;
  }
  if (fence && isPanel) put(body.slice(innerFrom), body.length);
  putText(blocks, body, textFrom, body.length);
  return blocks;
}

function putText(blocks: Block[], body: string, from: number, to: number): void {
  const text = body.slice(from, to);
  if (text.trim()) blocks.push({ kind: "text", text, from, to });
}

/** The text with another block in place of one. */
export function replaced(body: string, block: Block, text: string): string {
  const end = body.slice(block.from, block.to).endsWith("\n") ? "\n" : "";
  return body.slice(0, block.from) + text + end + body.slice(block.to);
}

/** The text with a block of its own put in at a place. */
export function inserted(body: string, at: number, text: string): string {
  const [before, after] = [
    body.slice(0, at).replace(/\n*$/, ""),
    body.slice(at).replace(/^\n*/, ""),
  ];
  return [before, text, after].filter(Boolean).join("\n\n") + (after ? "" : "\n");
}
