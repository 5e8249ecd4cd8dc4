/**
 * Markdown as it looks. What people wrote is not trusted: HTML in it stays text, and what the
 * parser made is cleaned once more. Images of other hosts are not loaded, links leave no trace.
 */

import DOMPurify from "dompurify";
import MarkdownIt from "markdown-it";
import { useMemo } from "react";

import "./markdown.css";

const parser = new MarkdownIt({ html: false, linkify: true, typographer: false });

// An image would tell its host who reads this: it becomes a link that one may follow.
parser.renderer.rules.image = (tokens, index) => {
  const token = tokens[index];
  const source = String(token?.attrGet("src") ?? "");
  const label = String(token?.content || source);
  return `<a href="${parser.utils.escapeHtml(source)}">${parser.utils.escapeHtml(label)}</a>`;
};

const purifier = DOMPurify(window);
purifier.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName !== "A") return;
  node.setAttribute("rel", "noopener noreferrer nofollow");
  node.setAttribute("target", "_blank");
});

export function rendered(text: string): string {
  return purifier.sanitize(parser.render(text), {
    USE_PROFILES: { html: true },
    FORBID_TAGS: ["style", "form", "input", "button", "img", "video", "audio", "iframe"],
    FORBID_ATTR: ["style", "class", "id"],
  });
}

export default function Markdown({ text }: { text: string }) {
  const html = useMemo(() => rendered(text), [text]);
  return <div className="markdown" dangerouslySetInnerHTML={{ __html: html }} />;
}
