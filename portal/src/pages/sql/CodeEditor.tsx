/** The editor with colours and completion: CodeMirror, in a chunk of its own. */

import {
  acceptCompletion,
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  type CompletionContext,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { SQLDialect, sql, type SQLNamespace } from "@codemirror/lang-sql";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { Compartment, EditorState, Prec, StateEffect, StateField } from "@codemirror/state";
import {
  Decoration,
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  placeholder,
  type DecorationSet,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useImperativeHandle, useRef } from "react";

import type { Problem } from "../../api/sql";
import type { EditorProps } from "./Editor";
import { FUNCTIONS, KEYWORDS, TYPES } from "./words";

const dialect = SQLDialect.define({
  keywords: KEYWORDS,
  types: TYPES,
  doubleDollarQuotedStrings: true,
});

// Colours are the theme's own variables, so nothing is made anew when the theme changes.
const look = EditorView.theme({
  "&": { height: "100%", fontSize: "13px", backgroundColor: "var(--panel)", color: "var(--text)" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "1.5" },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": {
    backgroundColor: "var(--panel)",
    color: "var(--muted)",
    borderRight: "1px solid var(--line)",
  },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "transparent" },
  "&.cm-focused .cm-activeLine": {
    backgroundColor: "color-mix(in srgb, var(--raised) 55%, transparent)",
  },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground":
    { backgroundColor: "var(--chosen)" },
  ".cm-matchingBracket": { backgroundColor: "var(--chosen)" },
  ".cm-placeholder": { color: "var(--muted)" },
  ".cm-tooltip": {
    backgroundColor: "var(--panel)",
    border: "1px solid var(--line)",
    borderRadius: "6px",
    overflow: "hidden",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--font-mono)" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": {
    backgroundColor: "var(--chosen)",
    color: "var(--text)",
  },
  ".cm-completionDetail": { color: "var(--muted)", fontStyle: "normal" },
  ".cm-completionInfo": { padding: "4px 8px", maxWidth: "22rem" },
  ".cm-wrong": { textDecoration: "underline wavy var(--bad)", textUnderlineOffset: "3px" },
});

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--accent)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--warn)" },
  { tag: tags.typeName, color: "var(--accent)" },
  { tag: [tags.lineComment, tags.blockComment], color: "var(--muted)", fontStyle: "italic" },
]);

const setProblem = StateEffect.define<Problem | null>();
const problems = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(shown, change) {
    for (const effect of change.effects) {
      if (!effect.is(setProblem)) continue;
      const length = change.newDoc.length;
      const one = effect.value;
      if (one === null || one.start >= length) return Decoration.none;
      const mark = Decoration.mark({ class: "cm-wrong", attributes: { title: one.message } });
      return Decoration.set(mark.range(one.start, Math.min(one.end, length)));
    }
    return change.docChanged ? Decoration.none : shown;
  },
  provide: (field) => EditorView.decorations.from(field),
});

const functions = Object.entries(FUNCTIONS).map(([label, signature]) => ({
  label,
  type: "function",
  detail: `(${signature})`,
  apply: (view: EditorView, _: unknown, from: number, to: number) => {
    view.dispatch({
      changes: { from, to, insert: `${label}()` },
      selection: { anchor: from + label.length + (signature ? 1 : 2) },
    });
  },
}));

const WORD = /(?<![.'"\w])[A-Za-z_]\w+/;

/** Functions, and the columns of the tables that the query names. */
function completeWords(schema: EditorProps["schema"]) {
  return (context: CompletionContext) => {
    const word = context.matchBefore(WORD);
    if (word === null) return null;
    const named = new Set(
      context.state.doc
        .toString()
        .toLowerCase()
        .match(/[a-z_]\w*/g),
    );
    const columns = schema
      .filter((table) => named.has(table.name.toLowerCase()))
      .flatMap((table) => table.columns.map((column) => ({ table, column })));
    const options = columns.map(({ table, column }) => ({
      label: column.name,
      type: "property",
      detail: `${table.name}, ${column.type}`.slice(0, 48),
      boost: 2,
      ...(column.doc && { info: column.doc }),
    }));
    return { from: word.from, options: [...options, ...functions], validFor: /^\w*$/ };
  };
}

function languageOf(schema: EditorProps["schema"]) {
  const spaces: Record<string, SQLNamespace> = {};
  for (const table of schema)
    spaces[table.name] = {
      self: { label: table.name, type: "type", info: table.doc },
      children: table.columns.map((one) => ({
        label: one.name,
        type: "property",
        detail: one.type,
        ...(one.doc && { info: one.doc }),
      })),
    };
  const support = sql({ dialect, schema: spaces, upperCaseKeywords: false });
  return [support, dialect.language.data.of({ autocomplete: completeWords(schema) })];
}

export default function CodeEditor(props: EditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const language = useRef(new Compartment());
  const latest = useRef(props);
  useEffect(() => {
    latest.current = props;
  });

  useEffect(() => {
    const made = new EditorView({
      parent: host.current!,
      state: EditorState.create({
        doc: latest.current.value,
        selection: { anchor: latest.current.value.length },
        extensions: [
          // Before all others: Ctrl Enter would insert a line.
          Prec.highest(
            keymap.of([{ key: "Mod-Enter", run: () => (latest.current.onRun(), true) }]),
          ),
          lineNumbers(),
          // Marks that turn the direction of text are shown, not followed.
          highlightSpecialChars(),
          history(),
          drawSelection(),
          bracketMatching(),
          closeBrackets(),
          highlightActiveLine(),
          autocompletion({ activateOnTypingDelay: 60, icons: false }),
          syntaxHighlighting(colours),
          language.current.of(languageOf(latest.current.schema)),
          problems,
          look,
          EditorView.lineWrapping,
          placeholder("select …"),
          EditorView.contentAttributes.of({
            // It can be edited, so it has the focus anyway; this says so of the region it scrolls.
            tabindex: "0",
            "aria-label": "SQL; Control Enter runs it, Escape leaves the editor",
          }),
          keymap.of([
            { key: "Tab", run: acceptCompletion },
            ...closeBracketsKeymap,
            ...completionKeymap,
            ...defaultKeymap.filter((one) => one.key !== "Escape"),
            ...historyKeymap,
            // Tab moves on; Escape leads out as well, once nothing is open that it would close.
            { key: "Escape", run: () => (latest.current.onLeave(), true) },
          ]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = made;
    if (latest.current.hasFocus) made.focus();
    return () => {
      view.current = null;
      made.destroy();
    };
  }, []);

  const { value, schema, problem, handle } = props;
  useEffect(() => {
    const shown = view.current;
    if (shown === null || shown.state.doc.toString() === value) return;
    shown.dispatch({ changes: { from: 0, to: shown.state.doc.length, insert: value } });
  }, [value]);
  useEffect(() => {
    view.current?.dispatch({ effects: language.current.reconfigure(languageOf(schema)) });
  }, [schema]);
  useEffect(() => {
    view.current?.dispatch({ effects: setProblem.of(problem) });
  }, [problem]);
  useImperativeHandle(handle, () => ({
    focus: () => view.current?.focus(),
    insert: (text) => {
      const shown = view.current;
      if (shown === null) return;
      shown.dispatch(shown.state.replaceSelection(text));
      shown.focus();
    },
  }));

  return <div ref={host} className="h-full min-h-0 overflow-hidden" data-editor="code" />;
}
