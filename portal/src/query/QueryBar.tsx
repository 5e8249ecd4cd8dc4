/**
 * The query bar: a filter in the language of the SDK and the command line.
 *
 * Suggestions come from the server, which knows the grammar and the keys there are. What is wrong
 * is underlined where it stands. Enter asks; until then the grid stays as it is.
 */

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useId, useRef, useState } from "react";
import { flushSync } from "react-dom";

import { cx } from "../ui";
import { askSuggestions, inserted, parted, type Filtered, type Suggestion } from "./suggest";

const PAUSE_MS = 80;
const EXAMPLES: Record<Filtered, string> = {
  runs: "Filter: metrics.acc > 0.9 and params.model = 'cnn'",
  traces: "Filter: duration > 2s and span.type = 'TOOL' and feedback.helpful = 'false'",
};
const FIELD = "h-7 w-full rounded border px-2 font-mono text-[13px] leading-[26px] whitespace-pre";

export interface QueryBarProps {
  value: string;
  /** Whose keys and values are suggested; null for all that one may read. */
  experiments: readonly string[] | null;
  of?: Filtered;
  onApply: (text: string) => void;
  inputRef?: React.RefObject<HTMLInputElement | null>;
  placeholder?: string;
}

function usePaused<T>(value: T): T {
  const [late, setLate] = useState(value);
  useEffect(() => {
    const timer = window.setTimeout(() => setLate(value), PAUSE_MS);
    return () => window.clearTimeout(timer);
  }, [value]);
  return late;
}

export function QueryBar(props: QueryBarProps) {
  const { value, experiments, onApply, of = "runs" } = props;
  const id = useId();
  const own = useRef<HTMLInputElement>(null);
  const input = props.inputRef ?? own;
  const under = useRef<HTMLDivElement>(null);
  const [applied, setApplied] = useState(value);
  const [draft, setDraft] = useState(value);
  const [at, setAt] = useState(value.length);
  const [isOpen, setOpen] = useState(false);
  const [picked, setPicked] = useState(-1);
  const [isRefused, setRefused] = useState(false);
  if (value !== applied) {
    setApplied(value);
    setDraft(value);
  }

  const text = usePaused(draft);
  const cursor = usePaused(at);
  const suggestions = useQuery({
    queryKey: ["suggest", of, experiments, text, Math.min(cursor, text.length)],
    queryFn: ({ signal }) => askSuggestions(text, cursor, experiments, of, signal),
    enabled: isOpen || text !== "",
    placeholderData: keepPreviousData,
    staleTime: 10_000,
    retry: false,
  });
  const page = suggestions.data;
  const isCurrent = page !== undefined && text === draft && !suggestions.isPlaceholderData;
  const problem = draft.trim() && isCurrent ? page.problem : null;
  const items = isOpen ? (page?.items ?? []) : [];
  const [before, wrong, behind] = parted(draft, problem);
  const isWrongShown = problem !== null && (isRefused || problem.start < at || !isOpen);

  function take(item: Suggestion) {
    if (page === undefined || input.current === null) return;
    const next = inserted(draft, page, item);
    // At once: the next key may come before the next frame, and must find the cursor in place.
    flushSync(() => {
      setDraft(next.text);
      setAt(next.at);
      setPicked(-1);
    });
    input.current.setSelectionRange(next.at, next.at);
  }

  async function apply() {
    const asked = draft.trim();
    const found = asked
      ? await askSuggestions(asked, asked.length, experiments, of).catch(() => null)
      : null;
    if (found?.problem) {
      setDraft(asked);
      setRefused(true);
      return;
    }
    setOpen(false);
    setRefused(false);
    onApply(asked);
  }

  function pressed(event: React.KeyboardEvent<HTMLInputElement>) {
    const { key } = event;
    const item = items[picked];
    if (key === "ArrowDown" || key === "ArrowUp") {
      if (!isOpen) setOpen(true);
      const step = key === "ArrowDown" ? 1 : -1;
      setPicked(Math.max(-1, Math.min(items.length - 1, picked + step)));
    } else if (item !== undefined && (key === "Enter" || key === "Tab")) take(item);
    else if (key === "Enter") void apply();
    else if (key === "Escape" && isOpen) setOpen(false);
    else if (key === "Escape") {
      setDraft(value);
      setRefused(false);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return (
    <div className="relative min-w-48 flex-1">
      <div
        ref={under}
        aria-hidden="true"
        className={cx(
          FIELD,
          "absolute inset-0 overflow-hidden border-transparent text-transparent",
        )}
      >
        {before}
        <span className={cx(isWrongShown && "underline decoration-bad decoration-wavy")}>
          {wrong}
        </span>
        {behind}
      </div>
      <input
        ref={input}
        role="combobox"
        aria-label={`Filter ${of}`}
        aria-expanded={isOpen && items.length > 0}
        aria-controls={`${id}-list`}
        aria-activedescendant={picked >= 0 ? `${id}-${picked}` : undefined}
        aria-autocomplete="list"
        aria-invalid={isWrongShown || undefined}
        aria-describedby={isWrongShown ? `${id}-problem` : undefined}
        autoComplete="off"
        spellCheck={false}
        placeholder={props.placeholder ?? EXAMPLES[of]}
        value={draft}
        onChange={(event) => {
          setDraft(event.target.value);
          setAt(event.target.selectionStart ?? event.target.value.length);
          setPicked(-1);
          setOpen(true);
          setRefused(false);
        }}
        onSelect={(event) => setAt(event.currentTarget.selectionStart ?? draft.length)}
        onScroll={(event) => {
          if (under.current) under.current.scrollLeft = event.currentTarget.scrollLeft;
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={pressed}
        className={cx(
          FIELD,
          "relative bg-transparent placeholder:font-sans placeholder:text-muted",
          isWrongShown ? "border-bad" : "border-line",
        )}
      />
      {draft !== value && !isOpen && (
        <span className="pointer-events-none absolute top-1 right-2 rounded bg-raised px-1.5 text-xs leading-5 text-muted">
          Enter to apply
        </span>
      )}
      {(items.length > 0 || isWrongShown) && (isOpen || isRefused) && (
        <div className="absolute top-8 left-0 z-40 w-full max-w-2xl overflow-hidden rounded-md border border-line bg-panel shadow-lg">
          <ul
            id={`${id}-list`}
            role="listbox"
            aria-label="Suggestions"
            hidden={items.length === 0}
            className="max-h-72 overflow-auto p-1"
          >
            {items.map((item, index) => (
              <Item
                key={item.text}
                id={`${id}-${index}`}
                item={item}
                of={of}
                isPicked={index === picked}
                onTake={() => take(item)}
              />
            ))}
          </ul>
          {isWrongShown && (
            <p
              id={`${id}-problem`}
              role="alert"
              className="border-t border-line px-3 py-1.5 text-bad"
            >
              {problem.message}
            </p>
          )}
        </div>
      )}
    </div>
  );
}

interface ItemProps {
  id: string;
  item: Suggestion;
  of: Filtered;
  isPicked: boolean;
  onTake: () => void;
}

function Item({ id, item, of, isPicked, onTake }: ItemProps) {
  const row = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (isPicked) row.current?.scrollIntoView({ block: "nearest" });
  }, [isPicked]);
  return (
    <li
      ref={row}
      id={id}
      role="option"
      aria-selected={isPicked}
      onMouseDown={(event) => {
        event.preventDefault();
        onTake();
      }}
      className={cx(
        "flex cursor-pointer items-baseline gap-3 rounded px-2 py-0.5",
        isPicked ? "bg-chosen" : "hover:bg-raised",
      )}
    >
      <span className="truncate font-mono">{item.text}</span>
      <span className="ml-auto shrink-0 text-xs text-muted">
        {item.runs === null ? item.detail : `${item.runs.toLocaleString("en")} ${of}`}
      </span>
    </li>
  );
}
