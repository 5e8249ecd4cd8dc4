/** What people and judges say of a trace or of one of its spans; everybody may add to it. */

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";

import { changeSaying, say, takeBack, type Assessment } from "../../api/traces";
import { Button, cx, Failure } from "../../ui";
import { ago, when } from "../../ui/format";
import { Remark, Section } from "../../ui/parts";

const Markdown = lazy(() => import("../../ui/Markdown"));

const WHO: Record<string, string> = { HUMAN: "person", LLM_JUDGE: "judge", CODE: "program" };
const KINDS = [
  ["feedback", "Feedback: how good it was"],
  ["expectation", "Expectation: what would be right"],
  ["issue", "Issue: what is wrong"],
] as const;
const FIELD = "h-7 min-w-0 rounded border border-line bg-ground px-2";

export function Assessments({
  trace,
  span,
  said,
  isRoot,
}: {
  trace: string;
  span: string;
  said: readonly Assessment[];
  /** Beside the root stands what is said of the trace as a whole. */
  isRoot: boolean;
}) {
  const [isAdding, setAdding] = useState(false);
  const [changed, setChanged] = useState("");
  const client = useQueryClient();
  const shown = said.filter((one) => one.span_id === span || (isRoot && one.span_id === null));
  const removal = useMutation({
    mutationFn: (one: Assessment) => takeBack(trace, one.assessment_id),
    onSettled: () => client.invalidateQueries({ queryKey: ["trace", trace], exact: true }),
  });
  return (
    <Section
      title={`Assessments (${shown.length.toLocaleString("en")})`}
      side={
        <Button look="quiet" onClick={() => setAdding(!isAdding)} aria-expanded={isAdding}>
          {isAdding ? "Cancel" : "Add"}
        </Button>
      }
    >
      {isAdding && (
        <Form trace={trace} span={isRoot ? null : span} onDone={() => setAdding(false)} />
      )}
      {removal.isError && <Failure error={removal.error} />}
      {shown.length === 0 && !isAdding && (
        <Remark>Nobody has said yet how good this is, or what would be right.</Remark>
      )}
      <ul>
        {shown.map((one) => (
          <li
            key={one.assessment_id}
            className={cx(
              "border-t border-line p-3 first:border-0",
              !one.is_valid && "text-muted line-through",
            )}
          >
            {changed === one.assessment_id ? (
              <Form trace={trace} span={one.span_id} was={one} onDone={() => setChanged("")} />
            ) : (
              <Said
                one={one}
                onChange={() => setChanged(one.assessment_id)}
                onRemove={() => removal.mutate(one)}
              />
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Said({
  one,
  onChange,
  onRemove,
}: {
  one: Assessment;
  onChange: () => void;
  onRemove: () => void;
}) {
  const source = WHO[one.source_kind] ?? "somebody";
  const who = one.source_id === "default" ? source : `${source} ${one.source_id}`;
  return (
    <>
      <div className="flex flex-wrap items-center gap-2">
        <span className="font-medium">{one.name}</span>
        <Verdict one={one} />
        {one.kind !== "feedback" && <span className="text-xs text-muted">{one.kind}</span>}
        <span className="text-xs text-muted" title={when(one.created_at)}>
          by {who}, {ago(one.created_at)}
        </span>
        <span className="ml-auto flex">
          <Button look="quiet" onClick={onChange} aria-label={`Change ${one.name}`}>
            Change
          </Button>
          <Button look="quiet" onClick={onRemove} aria-label={`Remove ${one.name}`}>
            Remove
          </Button>
        </span>
      </div>
      {one.error && <p className="text-bad">{one.error.message ?? one.error.code}</p>}
      {one.rationale && (
        <Suspense fallback={<p className="whitespace-pre-wrap">{one.rationale}</p>}>
          <Markdown text={one.rationale} />
        </Suspense>
      )}
    </>
  );
}

/** A value as one word: yes and no by mark and word, numbers and texts as they are. */
export function Verdict({ one }: { one: Pick<Assessment, "value" | "error"> }) {
  const { value } = one;
  if (one.error) return <span className="text-warn">no verdict</span>;
  const isYes = value === true || value === "yes";
  if (isYes || value === false || value === "no")
    return <span className={isYes ? "text-good" : "text-bad"}>{isYes ? "✓ yes" : "✕ no"}</span>;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return <span className="max-w-64 truncate">{text}</span>;
}

/** A word as the value that it stands for: yes, no, a number, other JSON, or itself. */
export function valueOf(text: string): unknown {
  const word = text.trim();
  if (/^(yes|true)$/i.test(word)) return true;
  if (/^(no|false)$/i.test(word)) return false;
  try {
    return JSON.parse(word) as unknown;
  } catch {
    return word;
  }
}

function written(value: unknown): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "string" ? value : JSON.stringify(value ?? "");
}

function Form({
  trace,
  span,
  was,
  onDone,
}: {
  trace: string;
  span: string | null;
  was?: Assessment;
  onDone: () => void;
}) {
  const [kind, setKind] = useState(was?.kind ?? "feedback");
  const [name, setName] = useState(was?.name ?? "");
  const [value, setValue] = useState(was ? written(was.value) : "yes");
  const [why, setWhy] = useState(was?.rationale ?? "");
  const client = useQueryClient();
  const saving = useMutation({
    mutationFn: () => {
      const saying = { name: name.trim(), value: valueOf(value), rationale: why.trim() || null };
      return was
        ? changeSaying(trace, was.assessment_id, saying)
        : say(trace, { ...saying, kind, span_id: span });
    },
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["trace", trace], exact: true });
      onDone();
    },
  });
  return (
    <form
      className="flex flex-col gap-2 p-3"
      onSubmit={(event) => {
        event.preventDefault();
        saving.mutate();
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        onDone();
      }}
    >
      <div className="flex flex-wrap gap-2">
        {!was && (
          <select
            aria-label="What kind of statement"
            value={kind}
            onChange={(event) => setKind(event.target.value)}
            className={FIELD}
          >
            {KINDS.map(([id, label]) => (
              <option key={id} value={id}>
                {label}
              </option>
            ))}
          </select>
        )}
        <input
          autoFocus
          aria-label="What is judged"
          placeholder="What is judged, such as correctness"
          value={name}
          onChange={(event) => setName(event.target.value)}
          className={cx(FIELD, "flex-1")}
        />
        <input
          aria-label="Value"
          placeholder="yes, no, a number or a text"
          value={value}
          onChange={(event) => setValue(event.target.value)}
          className={cx(FIELD, "w-40")}
        />
      </div>
      <textarea
        aria-label="Why, in Markdown"
        placeholder="Why"
        rows={3}
        value={why}
        onChange={(event) => setWhy(event.target.value)}
        className="rounded border border-line bg-ground p-2"
      />
      {saving.isError && <Failure error={saving.error} />}
      <div className="flex gap-2">
        <Button type="submit" look="main" disabled={saving.isPending || !name.trim()}>
          Save
        </Button>
        <Button onClick={onDone}>Cancel</Button>
      </div>
    </form>
  );
}
