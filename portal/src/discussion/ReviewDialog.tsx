/** Say what one thinks of a run or a version, or ask others to. */

import { useQuery } from "@tanstack/react-query";
import { useId, useState, type KeyboardEvent } from "react";

import {
  askPeople,
  review,
  subjectText,
  useNews,
  type Person,
  type ReviewState,
  type Subject,
} from "../api/discussion";
import { Button, Chip, cx, Dialog } from "../ui";
import { FormFoot } from "../ui/parts";

const STATES: readonly (readonly [ReviewState, string])[] = [
  ["approved", "Approve"],
  ["rejected", "Reject"],
  ["comment", "Only remark"],
];

export function ReviewDialog(props: { of: Subject; state: ReviewState; onClose: () => void }) {
  const { of, onClose } = props;
  const news = useNews();
  const isRequest = props.state === "requested";
  const [state, setState] = useState<ReviewState>(props.state);
  const [comment, setComment] = useState("");
  const [reviewers, setReviewers] = useState<string[]>([]);
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  const isSendable = !isBusy && (state !== "comment" || comment.trim() !== "");

  async function send() {
    if (!isSendable) return;
    setBusy(true);
    setError("");
    try {
      await review(of, { state, comment: comment.trim() || null, reviewers });
      news();
      onClose();
    } catch (refusal) {
      setError(refusal instanceof Error ? refusal.message : String(refusal));
      setBusy(false);
    }
  }

  return (
    <Dialog title={isRequest ? "Ask for a review" : "Review"} isOpen onClose={onClose}>
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        {isRequest ? (
          <Reviewers of={of} chosen={reviewers} onChange={setReviewers} />
        ) : (
          <fieldset className="flex gap-4">
            <legend className="sr-only">What you say</legend>
            {STATES.map(([value, label]) => (
              <label key={value} className="flex items-center gap-1">
                <input
                  type="radio"
                  name="state"
                  checked={state === value}
                  onChange={() => setState(value)}
                />
                {label}
              </label>
            ))}
          </fieldset>
        )}
        <label className="flex flex-col gap-1">
          {isRequest ? "What they should look at" : "Why"}
          <textarea
            rows={4}
            value={comment}
            onChange={(event) => setComment(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void send();
            }}
            className="rounded border border-line bg-ground p-2"
          />
        </label>
        {error && (
          <p role="alert" className="text-bad">
            {error}
          </p>
        )}
        <FormFoot does={isRequest ? "Ask" : "Send"} isReady={isSendable} onClose={onClose} />
      </form>
    </Dialog>
  );
}

/** Whom a request asks: typed and chosen from those who may read it. */
function Reviewers(props: {
  of: Subject;
  chosen: readonly string[];
  onChange: (names: string[]) => void;
}) {
  const { of, chosen, onChange } = props;
  const id = useId();
  const [text, setText] = useState("");
  const [isOpen, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const found = useQuery({
    queryKey: ["people", subjectText(of), text.toLowerCase()],
    queryFn: ({ signal }) => askPeople(of, text, signal),
    staleTime: 30_000,
    retry: false,
  });
  const people = (found.data ?? []).filter((one) => !chosen.includes(one.name));
  const isShown = isOpen && people.length > 0;

  function take(person: Person) {
    onChange([...chosen, person.name]);
    setText("");
    setAt(0);
    setOpen(false);
  }

  function pressed(event: KeyboardEvent) {
    const person = people[at];
    if (event.key === "ArrowDown") {
      setOpen(true);
      setAt(Math.min(at + 1, people.length - 1));
    } else if (event.key === "ArrowUp") setAt(Math.max(0, at - 1));
    else if (event.key === "Enter" && isShown && person) take(person);
    else if (event.key === "Escape" && isShown) setOpen(false);
    else if (event.key === "Backspace" && text === "") onChange(chosen.slice(0, -1));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return (
    <div>
      <label htmlFor={id} className="mb-1 block">
        Whom to ask
      </label>
      <div className="relative flex flex-wrap items-center gap-1 rounded border border-line bg-ground p-1">
        {chosen.map((name) => (
          <span key={name} className="flex items-center">
            <Chip title={name}>{name}</Chip>
            <Button
              look="quiet"
              className="!h-6 !px-1"
              aria-label={`Do not ask ${name}`}
              onClick={() => onChange(chosen.filter((one) => one !== name))}
            >
              ×
            </Button>
          </span>
        ))}
        <input
          id={id}
          role="combobox"
          aria-autocomplete="list"
          aria-expanded={isShown}
          aria-controls={`${id}-list`}
          aria-activedescendant={isShown ? `${id}-${at}` : undefined}
          autoComplete="off"
          autoFocus
          value={text}
          placeholder={chosen.length ? "" : "A name; the arrows choose"}
          onChange={(event) => {
            setText(event.target.value);
            setOpen(true);
            setAt(0);
          }}
          onFocus={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onKeyDown={pressed}
          className="h-6 min-w-40 flex-1 bg-ground px-1 outline-none"
        />
        <ul
          role="listbox"
          id={`${id}-list`}
          aria-label="People who may read it"
          hidden={!isShown}
          className="absolute top-full left-0 z-10 mt-1 max-h-48 w-full overflow-auto rounded-md border border-line bg-panel p-1 shadow-lg"
        >
          {people.map((person, number) => (
            <li
              key={person.name}
              role="option"
              id={`${id}-${number}`}
              aria-selected={number === at}
              onPointerDown={(event) => {
                event.preventDefault();
                take(person);
              }}
              className={cx(
                "flex cursor-pointer gap-2 rounded px-2 py-1",
                number === at && "bg-chosen",
              )}
            >
              <span className="truncate font-medium">{person.name}</span>
              <span className="min-w-0 truncate text-muted">
                {person.kind === "group" ? "group" : person.display_name}
              </span>
            </li>
          ))}
        </ul>
      </div>
      {found.isSuccess && people.length === 0 && (
        <p className="mt-1 text-muted">
          {text
            ? "Nobody of that name may read it."
            : "There is nobody else here: accounts are made with `mere users create`."}
        </p>
      )}
    </div>
  );
}
