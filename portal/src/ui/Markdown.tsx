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

export function rendered(text: string, below = 0): string {
  const tokens = parser.parse(text, {});
  for (const token of tokens)
    if (token.type.startsWith("heading"))
      token.tag = `h${Math.min(6, Number(token.tag[1]) + below)}`;
  return purifier.sanitize(parser.renderer.render(tokens, parser.options, {}), {
    USE_PROFILES: { html: true },
    FORBID_TAGS: ["style", "form", "input", "button", "img", "video", "audio", "iframe"],
    FORBID_ATTR: ["style", "class", "id"],
  });
}

/** `below` puts headings so many levels below those of the page around it. */
export default function Markdown({ text, below = 0 }: { text: string; below?: number }) {
  const html = useMemo(() => rendered(text, below), [text, below]);
  return <div className="markdown" dangerouslySetInnerHTML={{ __html: html }} />;
}
