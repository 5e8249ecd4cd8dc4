/** A field for Markdown in which `@` offers the people who may read what it is about. */

import { useRef, type KeyboardEvent, type RefObject } from "react";

import type { Subject } from "../api/discussion";
import { cx } from "../ui";
import { useMentions } from "./useMentions";

export function MentionField(props: {
  of: Subject;
  label: string;
  value: string;
  onChange: (text: string) => void;
  onSend: () => void;
  onCancel?: (() => void) | undefined;
  placeholder?: string;
  rows?: number;
  isFocused?: boolean;
  fieldRef?: RefObject<HTMLTextAreaElement | null> | undefined;
}) {
  const own = useRef<HTMLTextAreaElement>(null);
  const field = props.fieldRef ?? own;
  const mentions = useMentions(props.of, field, props.onChange);
  const isOpen = mentions.people.length > 0;

  function pressed(event: KeyboardEvent) {
    if (mentions.pressed(event)) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      props.onSend();
    } else if (event.key === "Escape" && props.onCancel) {
      event.stopPropagation();
      props.onCancel();
    }
  }

  return (
    <div className="relative">
      <textarea
        ref={field}
        autoFocus={props.isFocused}
        aria-label={props.label}
        aria-autocomplete="list"
        aria-controls={isOpen ? mentions.listId : undefined}
        aria-activedescendant={isOpen ? mentions.optionId(mentions.chosen) : undefined}
        value={props.value}
        rows={props.rows ?? 3}
        placeholder={props.placeholder}
        onChange={(event) => {
          props.onChange(event.target.value);
          mentions.moved();
        }}
        onSelect={mentions.moved}
        onKeyDown={pressed}
        onBlur={mentions.close}
        className="block max-h-96 min-h-16 w-full resize-y rounded border border-line bg-ground p-2 [field-sizing:content]"
      />
      {isOpen && (
        <ul
          role="listbox"
          id={mentions.listId}
          aria-label="People who may read this"
          className="absolute left-2 z-20 mt-1 max-h-64 w-[min(22rem,90%)] overflow-auto rounded-md border border-line bg-panel p-1 shadow-lg"
        >
          {mentions.people.map((person, number) => (
            <li
              key={`${person.kind} ${person.name}`}
              role="option"
              id={mentions.optionId(number)}
              aria-selected={number === mentions.chosen}
              // The field must keep the focus.
              onPointerDown={(event) => {
                event.preventDefault();
                mentions.take(person);
              }}
              ref={(element) => {
                if (number === mentions.chosen) element?.scrollIntoView({ block: "nearest" });
              }}
              className={cx(
                "flex cursor-pointer items-baseline gap-2 rounded px-2 py-1",
                number === mentions.chosen && "bg-chosen",
              )}
            >
              <span className="truncate font-medium">{person.name}</span>
              <span className="min-w-0 truncate text-muted">
                {person.kind === "group"
                  ? person.display_name
                    ? `group: ${person.display_name}`
                    : "group"
                  : person.display_name}
              </span>
            </li>
          ))}
        </ul>
      )}
      <span className="sr-only" role="status">
        {isOpen &&
          `${mentions.people.length} people match: choose with the arrows, take with Enter`}
      </span>
    </div>
  );
}
