/** Names offered while one writes `@`: asked of the server, chosen by the keyboard or a click. */

import { useQuery } from "@tanstack/react-query";
import { useId, useState, type KeyboardEvent, type RefObject } from "react";
import { flushSync } from "react-dom";

import { askPeople, subjectText, type Person, type Subject } from "../api/discussion";
import { begunAt, withName, type Begun } from "./mentions";

export interface Mentions {
  people: readonly Person[];
  chosen: number;
  listId: string;
  optionId: (number: number) => string;
  take: (person: Person) => void;
  /** Tell where the cursor is; also closes the list where no name is begun. */
  moved: () => void;
  close: () => void;
  /** Whether the key was one for the list. */
  pressed: (event: KeyboardEvent) => boolean;
}

export function useMentions(
  of: Subject,
  field: RefObject<HTMLTextAreaElement | null>,
  change: (text: string) => void,
): Mentions {
  const listId = useId();
  const [begun, setBegun] = useState<Begun | null>(null);
  const [chosen, setChosen] = useState(0);
  const found = useQuery({
    queryKey: ["people", subjectText(of), begun?.word.toLowerCase() ?? ""],
    queryFn: ({ signal }) => askPeople(of, begun?.word ?? "", signal),
    enabled: begun !== null,
    staleTime: 30_000,
    retry: false,
  });
  const people = begun === null ? [] : (found.data ?? []);

  function moved() {
    const element = field.current;
    const next =
      element && element.selectionStart === element.selectionEnd
        ? begunAt(element.value, element.selectionStart)
        : null;
    if (next?.start === begun?.start && next?.word === begun?.word) return;
    setBegun(next);
    setChosen(0);
  }

  function take(person: Person) {
    const element = field.current;
    if (element === null || begun === null) return;
    const next = withName(element.value, begun, element.selectionStart, person.name);
    // At once: the next key may come before the next frame, and must find the cursor in place.
    flushSync(() => {
      change(next.text);
      setBegun(null);
    });
    element.focus();
    element.setSelectionRange(next.at, next.at);
  }

  function pressed(event: KeyboardEvent): boolean {
    const person = people[chosen];
    if (person === undefined) return false;
    const { key } = event;
    if (key === "ArrowDown") setChosen((chosen + 1) % people.length);
    else if (key === "ArrowUp") setChosen((chosen + people.length - 1) % people.length);
    else if ((key === "Enter" && !event.ctrlKey && !event.metaKey) || key === "Tab") take(person);
    else if (key === "Escape") setBegun(null);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  return {
    people,
    chosen,
    listId,
    optionId: (number) => `${listId}-${number}`,
    take,
    moved,
    close: () => setBegun(null),
    pressed,
  };
}
