/** What the tabs of the settings share: fields, questions before what cannot be undone, lists. */

import { useId, useState, type FormEvent, type InputHTMLAttributes, type ReactNode } from "react";

import { Button, cx, Dialog } from "../../ui";
import { useAct } from "../../ui/useAct";

export const FIELD = "h-8 min-w-0 rounded border border-line bg-ground px-2";
const PAGE = 200;

/** A field of a form; what the server says against it stands below it. */
export function Field({
  label,
  hint,
  error,
  className,
  ...rest
}: InputHTMLAttributes<HTMLInputElement> & {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
}) {
  const id = useId();
  // Not within the label: the field would be called by its hint, too.
  return (
    <div className={cx("flex min-w-0 flex-col gap-1", className)}>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        aria-invalid={error ? true : undefined}
        aria-describedby={error || hint ? `${id}-more` : undefined}
        className={cx(FIELD, error && "border-bad")}
        {...rest}
      />
      {(error || hint) && (
        <span
          id={`${id}-more`}
          role={error ? "alert" : undefined}
          className={error ? "text-bad" : "text-muted"}
        >
          {error || hint}
        </span>
      )}
    </div>
  );
}

export function Choose<T extends string>({
  label,
  value,
  of,
  onChange,
  isHidden = false,
  disabled = false,
}: {
  label: string;
  value: T;
  of: readonly (T | readonly [T, string])[];
  onChange: (value: T) => void;
  /** The label is for those who hear the page. */
  isHidden?: boolean;
  disabled?: boolean;
}) {
  const id = useId();
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <label htmlFor={id} className={cx(isHidden && "sr-only")}>
        {label}
      </label>
      <select
        id={id}
        value={value}
        disabled={disabled}
        onChange={(event) => onChange(event.target.value as T)}
        className={cx("rounded border border-line bg-ground px-1", isHidden ? "h-7" : "h-8")}
      >
        {of.map((one) => {
          const [name, text] = typeof one === "string" ? [one, one] : one;
          return (
            <option key={name} value={name}>
              {text}
            </option>
          );
        })}
      </select>
    </div>
  );
}

/** Which of some fields an error is about, by the words in it; "" where it is none of them. */
export function fieldOf<Name extends string>(
  error: string,
  words: Readonly<Record<Name, RegExp>>,
): Name | "" {
  const names = Object.keys(words) as Name[];
  return names.find((name) => words[name].test(error)) ?? "";
}

/** A question before something that cannot be undone: who means it types the name. */
export function Confirm({
  title,
  name,
  verb,
  children,
  onConfirm,
  onClose,
}: {
  title: string;
  /** What has to be typed. */
  name: string;
  verb: string;
  children: ReactNode;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
}) {
  const [typed, setTyped] = useState("");
  const act = useAct();
  async function submit(event: FormEvent) {
    event.preventDefault();
    if (typed === name && (await act.run(onConfirm))) onClose();
  }
  return (
    <Dialog title={title} isOpen onClose={onClose} width="28rem">
      <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-3">
        <div>{children}</div>
        <label className="flex flex-col gap-1">
          <span>
            Type <bdi className="font-mono font-semibold break-all">{name}</bdi> to go on
          </span>
          <input
            autoFocus
            autoComplete="off"
            spellCheck={false}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
            className={FIELD}
          />
        </label>
        {act.error && (
          <p role="alert" className="text-bad">
            {act.error}
          </p>
        )}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Keep it</Button>
          <Button type="submit" look="danger" disabled={typed !== name || act.isBusy}>
            {verb}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

export interface Done {
  words: string;
  isWrong?: boolean;
  undo?: () => Promise<unknown>;
}

/** What was just done, and a way back where there is one. */
export function Told({ done, onDone }: { done: Done | null; onDone: (done: Done | null) => void }) {
  const undo = done?.undo;
  return (
    <p role="status" className={cx("min-h-7 leading-7", done?.isWrong ? "text-bad" : "text-muted")}>
      {done?.words}{" "}
      {undo && (
        <Button
          onClick={() =>
            void undo().then(
              () => onDone({ words: "Undone" }),
              (error: unknown) => onDone({ words: String(error), isWrong: true }),
            )
          }
        >
          Undo
        </Button>
      )}
    </p>
  );
}

/** Do something, and tell how it went. */
export function useDone(): [
  Done | null,
  (d: Done | null) => void,
  (doing: () => Promise<unknown>, done: Done) => Promise<void>,
] {
  const [done, setDone] = useState<Done | null>(null);
  async function act(doing: () => Promise<unknown>, after: Done) {
    try {
      await doing();
      setDone(after);
    } catch (error) {
      setDone({ words: error instanceof Error ? error.message : String(error), isWrong: true });
    }
  }
  return [done, setDone, act];
}

/** A plain table of a list; long ones are shown in parts. */
export function List<Row>({
  label,
  heads,
  rows,
  keyOf,
  show,
  nothing,
}: {
  label: string;
  heads: readonly string[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  /** The cells of a row; the first names it. */
  show: (row: Row) => readonly ReactNode[];
  nothing: ReactNode;
}) {
  const [most, setMost] = useState(PAGE);
  if (rows.length === 0) return <p className="p-3 text-muted">{nothing}</p>;
  return (
    <div className="overflow-x-auto">
      <table aria-label={label} className="w-full">
        <thead className="text-left text-muted">
          <tr className="border-b border-line">
            {heads.map((head, at) => (
              <th key={at} scope="col" className="px-3 py-1 font-medium whitespace-nowrap">
                {head || <span className="sr-only">Actions</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, most).map((row) => (
            <tr key={keyOf(row)} className="border-b border-line last:border-0 hover:bg-raised">
              {show(row).map((cell, at) =>
                at === 0 ? (
                  <th
                    key={at}
                    scope="row"
                    className="max-w-80 truncate px-3 py-1 text-left font-medium"
                  >
                    {cell}
                  </th>
                ) : (
                  <td key={at} className="max-w-80 truncate px-3 py-1">
                    {cell}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > most && (
        <Button className="m-2" onClick={() => setMost(most + PAGE * 5)}>
          Show more: {(rows.length - most).toLocaleString("en")} are left
        </Button>
      )}
    </div>
  );
}
