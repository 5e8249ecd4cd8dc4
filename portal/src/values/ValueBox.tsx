/** What a program was given or came up with: as a conversation, Markdown, a tree or plain text. */

import { lazy, Suspense, useMemo, useState } from "react";

import { cx } from "../ui";
import { JsonTree } from "../ui/JsonTree";
import { CopyButton, Section } from "../ui/parts";
import { messagesOf, opened, type Message, type Part } from "./chat";

const Markdown = lazy(() => import("../ui/Markdown"));

type Way = "chat" | "markdown" | "tree" | "text";
const LABELS: Record<Way, string> = {
  chat: "Chat",
  markdown: "Markdown",
  tree: "Tree",
  text: "Text",
};
const MARKDOWN_CHARS_MAX = 200_000;

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

export function ValueBox({ title, value }: { title: string; value: unknown }) {
  const known = useMemo(() => opened(value), [value]);
  const messages = useMemo(() => messagesOf(known), [known]);
  const isText = typeof known === "string";
  const ways: Way[] = messages
    ? ["chat", "tree", "text"]
    : isText
      ? ["markdown", "text"]
      : ["tree", "text"];
  const [chosen, setChosen] = useState<Way | null>(null);
  const way = chosen && ways.includes(chosen) ? chosen : ways[0]!;
  return (
    <Section
      title={title}
      side={
        <>
          <Ways title={title} ways={ways} way={way} onWay={setChosen} />
          <CopyButton text={textOf(known)} />
        </>
      }
    >
      <div className="max-h-[60vh] overflow-auto" tabIndex={0} role="group" aria-label={title}>
        {way === "chat" && messages && <Chat messages={messages} />}
        {way === "markdown" && <Prose text={String(known)} />}
        {way === "tree" && (
          <div className="p-2">
            <JsonTree value={known} />
          </div>
        )}
        {way === "text" && (
          <pre className="p-3 font-mono text-xs break-words whitespace-pre-wrap">
            {textOf(known)}
          </pre>
        )}
      </div>
    </Section>
  );
}

function Ways({
  title,
  ways,
  way,
  onWay,
}: {
  title: string;
  ways: readonly Way[];
  way: Way;
  onWay: (way: Way) => void;
}) {
  return (
    <span role="group" aria-label={`How the ${title.toLowerCase()} is shown`} className="flex">
      {ways.map((one) => (
        <button
          key={one}
          type="button"
          aria-pressed={one === way}
          onClick={() => onWay(one)}
          className={cx(
            "h-6 border border-l-0 border-line px-1.5 text-xs first:rounded-l first:border-l last:rounded-r",
            one === way ? "bg-chosen font-medium" : "hover:bg-raised",
          )}
        >
          {LABELS[one]}
        </button>
      ))}
    </span>
  );
}

function Prose({ text }: { text: string }) {
  if (text.length > MARKDOWN_CHARS_MAX)
    return <pre className="p-3 font-mono text-xs whitespace-pre-wrap">{text}</pre>;
  return (
    <Suspense fallback={<pre className="p-3 whitespace-pre-wrap">{text}</pre>}>
      <Markdown text={text} />
    </Suspense>
  );
}

const ROLE_LOOKS: Record<string, string> = {
  system: "border-l-muted",
  developer: "border-l-muted",
  user: "border-l-accent",
  assistant: "border-l-good",
  tool: "border-l-warn",
};

function Chat({ messages }: { messages: readonly Message[] }) {
  return (
    <ol className="flex flex-col gap-2 p-2">
      {messages.map((message, place) => (
        <li
          key={place}
          className={cx(
            "rounded border border-l-4 border-line bg-ground",
            ROLE_LOOKS[message.role] ?? "border-l-line",
          )}
        >
          <p className="px-3 pt-1 text-xs font-semibold text-muted">{message.role}</p>
          {message.parts.length === 0 && <p className="px-3 pb-2 text-muted">(empty)</p>}
          {message.parts.map((part, at) => (
            <MessagePart key={at} part={part} />
          ))}
        </li>
      ))}
    </ol>
  );
}

function MessagePart({ part }: { part: Part }) {
  switch (part.kind) {
    case "text":
      return <Prose text={part.text} />;
    case "thought":
      return (
        <details className="px-3 pb-2">
          <summary className="cursor-pointer text-muted">Thought</summary>
          <p className="whitespace-pre-wrap text-muted">{part.text}</p>
        </details>
      );
    case "call":
      return (
        <div className="m-2 rounded border border-line bg-panel p-2">
          <p className="mb-1">
            Calls <code className="font-semibold">{part.name}</code>{" "}
            {part.id && <span className="text-xs text-muted">{part.id}</span>}
          </p>
          <JsonTree value={part.args ?? null} />
        </div>
      );
    case "result":
      return (
        <div className="m-2 rounded border border-line bg-panel p-2">
          <p className="mb-1">
            Result {part.id && <span className="text-xs text-muted">of {part.id}</span>}
          </p>
          <JsonTree value={part.value ?? null} />
        </div>
      );
    case "media":
      return <p className="px-3 pb-2 text-muted">({part.label}; see it in the tree)</p>;
    case "other":
      return (
        <div className="px-2 pb-2">
          <JsonTree value={part.value} />
        </div>
      );
  }
}
