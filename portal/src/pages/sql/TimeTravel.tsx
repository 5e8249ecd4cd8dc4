/** Which state of the tables a question reads: that of now, of a moment, a tag or a root. */

import { Popover } from "radix-ui";
import { useState, type ReactNode } from "react";

import { useSqlStates, type SqlState } from "../../api/sql";
import { Button, cx, Failure, Waiting } from "../../ui";
import { ago, when } from "../../ui/format";
import { PopoverBox } from "../../ui/PopoverBox";
import { stateWords } from "./tools";

export function TimeTravel({ asOf, onChoose }: { asOf: string; onChoose: (asOf: string) => void }) {
  const [isOpen, setOpen] = useState(false);
  const choose = (state: string) => {
    setOpen(false);
    onChoose(state);
  };
  return (
    <Popover.Root open={isOpen} onOpenChange={setOpen}>
      <Popover.Trigger asChild>
        <Button
          title="Read the tables as they were"
          className={cx(asOf && "border-warn bg-chosen")}
        >
          As of <bdi className="max-w-56 truncate">{stateWords(asOf)}</bdi>
          <span aria-hidden="true">▾</span>
        </Button>
      </Popover.Trigger>
      <PopoverBox
        align="start"
        aria-label="As of which state"
        className="flex max-h-[70vh] w-96 flex-col gap-3 overflow-auto p-3"
      >
        {isOpen && <States asOf={asOf} onChoose={choose} />}
      </PopoverBox>
    </Popover.Root>
  );
}

function States({ asOf, onChoose }: { asOf: string; onChoose: (asOf: string) => void }) {
  const states = useSqlStates(true);
  const [moment, setMoment] = useState(() => localOf(asOf));
  const pages = states.data?.pages ?? [];
  const tags = pages[0]?.tags ?? [];
  const roots = pages.flatMap((page) => page.roots);
  const isMoment = moment !== "" && !Number.isNaN(new Date(moment).getTime());
  return (
    <>
      <Button
        onClick={() => onChoose("")}
        aria-pressed={asOf === ""}
        look={asOf ? "main" : "plain"}
      >
        Now, with what came this second
      </Button>
      <form
        className="flex items-end gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          if (isMoment) onChoose(new Date(moment).toISOString());
        }}
      >
        <label className="min-w-0 flex-1">
          <span className="block text-muted">A moment, in the time of this browser</span>
          <input
            type="datetime-local"
            step={1}
            value={moment}
            onChange={(event) => setMoment(event.target.value)}
            className="h-7 w-full rounded border border-line bg-ground px-2"
          />
        </label>
        <Button type="submit" disabled={!isMoment}>
          Go there
        </Button>
      </form>
      {states.isPending && <Waiting what="Looking which states there are" />}
      {states.isError && <Failure error={states.error} onRetry={() => void states.refetch()} />}
      <Group title="Tags" nothing="None yet: `mere tag NAME` keeps the state of now for ever.">
        {tags.map((one) => (
          <State
            key={one.tag}
            state={one}
            name={one.tag ?? ""}
            isChosen={asOf === one.tag}
            onChoose={() => onChoose(one.tag ?? "")}
          />
        ))}
      </Group>
      <Group title="Roots, one for each fold" nothing="Nothing was folded yet.">
        {roots.map((one) => (
          <State
            key={one.root}
            state={one}
            name={`root ${one.root}`}
            isChosen={asOf === String(one.root)}
            onChoose={() => onChoose(String(one.root))}
          />
        ))}
      </Group>
      {states.hasNextPage && (
        <Button onClick={() => void states.fetchNextPage()} disabled={states.isFetchingNextPage}>
          Older ones
        </Button>
      )}
    </>
  );
}

function Group(props: { title: string; nothing: string; children: ReactNode[] }) {
  return (
    <section>
      <h2 className="mb-1 text-muted">{props.title}</h2>
      {props.children.length ? <ul>{props.children}</ul> : <p>{props.nothing}</p>}
    </section>
  );
}

function State(props: { state: SqlState; name: string; isChosen: boolean; onChoose: () => void }) {
  return (
    <li>
      <button
        type="button"
        aria-pressed={props.isChosen}
        onClick={props.onChoose}
        className={cx(
          "flex w-full items-baseline gap-2 rounded px-2 py-0.5 text-left hover:bg-raised",
          props.isChosen && "bg-chosen",
        )}
      >
        <bdi className="min-w-0 truncate font-medium">{props.name}</bdi>
        <span className="ml-auto shrink-0 text-muted" title={ago(props.state.at)}>
          {when(props.state.at)}
        </span>
      </button>
    </li>
  );
}

/** A moment as the field of a form has it: local, without a zone. */
function localOf(asOf: string): string {
  const found = new Date(/^\d{4}-\d\d-\d\dT/.test(asOf) ? asOf : Date.now());
  if (Number.isNaN(found.getTime())) return "";
  const local = new Date(found.getTime() - found.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19);
}
