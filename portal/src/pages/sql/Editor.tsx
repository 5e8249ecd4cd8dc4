/** Where a query is written: a plain field at once, and the one with colours when it is loaded. */

import { lazy, Suspense, useImperativeHandle, useRef, useState, type RefObject } from "react";

import type { Problem, SqlTable } from "../../api/sql";

const CodeEditor = lazy(() => import("./CodeEditor"));

/** What others may do with the editor. */
export interface EditorHandle {
  focus: () => void;
  insert: (text: string) => void;
}

export interface EditorProps {
  value: string;
  schema: readonly SqlTable[];
  problem: Problem | null;
  onChange: (value: string) => void;
  onRun: () => void;
  onLeave: () => void;
  handle: RefObject<EditorHandle | null>;
  /** The plain field had the focus when this one took its place. */
  hasFocus?: boolean;
}

export function Editor(props: EditorProps) {
  const [hasFocus, setFocus] = useState(false);
  return (
    <Suspense fallback={<PlainEditor {...props} onFocus={setFocus} />}>
      <CodeEditor {...props} hasFocus={hasFocus} />
    </Suspense>
  );
}

function PlainEditor(props: EditorProps & { onFocus: (hasFocus: boolean) => void }) {
  const field = useRef<HTMLTextAreaElement>(null);
  useImperativeHandle(props.handle, () => ({
    focus: () => field.current?.focus(),
    insert: (text) => {
      const one = field.current;
      if (one === null) return;
      one.setRangeText(text, one.selectionStart, one.selectionEnd, "end");
      props.onChange(one.value);
      one.focus();
    },
  }));
  return (
    <textarea
      ref={field}
      aria-label="SQL; Control Enter runs it, Escape leaves the editor"
      spellCheck={false}
      value={props.value}
      onChange={(event) => props.onChange(event.target.value)}
      onFocus={() => props.onFocus(true)}
      onBlur={() => props.onFocus(false)}
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) props.onRun();
        else if (event.key === "Escape") props.onLeave();
        else return;
        event.preventDefault();
      }}
      className="h-full w-full resize-none bg-panel py-1 pr-2 pl-9 font-mono text-[13px] leading-[1.5]"
    />
  );
}
