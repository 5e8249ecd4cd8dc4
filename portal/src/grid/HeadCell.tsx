/** The head of a column: sorts at a click, is dragged to its place, and has a menu. */

import { DropdownMenu } from "radix-ui";
import { useRef, useState } from "react";

import { cx } from "../ui";
import {
  askedOf,
  column as columnOf,
  isNumeric,
  labelOf,
  METRIC_TAKES,
  read,
  textOf,
  usualWidth,
  type Column,
} from "./columns";
import { HEAD_HEIGHT, type Placed } from "./layout";
import type { SortKey } from "./sort";

/** What can be done to a column. */
export interface HeadActions {
  onSort: (text: string, isAdded: boolean) => void;
  onSetSort: (text: string, isDescending: boolean) => void;
  onChange: (text: string, change: Partial<Column>) => void;
  onStep: (text: string, by: -1 | 1) => void;
  onMove: (text: string, before: string | null) => void;
  onHide: (text: string) => void;
  onGroup: (text: string) => void;
  onSized: (text: string, width: number, isDone: boolean) => void;
}

interface HeadProps extends HeadActions {
  place: Placed;
  sort: readonly SortKey[];
  isActive: boolean;
  isLastPinned: boolean;
}

const DRAGGED = "application/x-mere-column";

export function HeadCell(props: HeadProps) {
  const { place, sort, isActive, isLastPinned } = props;
  const { column, number, left } = place;
  const { text } = column;
  const { kind, family, take } = read(text);
  const at = sort.findIndex((key) => key.text === askedOf(text));
  const key = sort[at];
  const [isMenuOpen, setMenuOpen] = useState(false);
  const [isOver, setOver] = useState(false);
  const cell = useRef<HTMLDivElement>(null);
  const above = family === "attributes" ? "" : `${family}${take === "last" ? "" : ` · ${take}`}`;
  return (
    <div
      ref={cell}
      role="columnheader"
      aria-colindex={number + 1}
      aria-sort={key === undefined ? "none" : key.isDescending ? "descending" : "ascending"}
      data-column={number}
      data-text={text}
      tabIndex={isActive ? 0 : -1}
      draggable
      onDragStart={(event) => event.dataTransfer.setData(DRAGGED, text)}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes(DRAGGED)) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        setOver(false);
        const moved = event.dataTransfer.getData(DRAGGED);
        if (moved) props.onMove(moved, text);
      }}
      onContextMenu={(event) => {
        event.preventDefault();
        setMenuOpen(true);
      }}
      onKeyDown={(event) => {
        if (event.key === "ContextMenu" || (event.altKey && event.key === "ArrowDown")) {
          event.preventDefault();
          setMenuOpen(true);
        }
      }}
      onClick={(event) => props.onSort(text, event.shiftKey)}
      style={{
        width: column.width,
        height: HEAD_HEIGHT,
        ...(column.isPinned ? {} : { position: "absolute", top: 0, left }),
      }}
      className={cx(
        "group relative flex shrink-0 cursor-pointer flex-col justify-center px-2 -outline-offset-2! select-none hover:bg-raised",
        isNumeric(kind) && "items-end text-right",
        isLastPinned && "border-r border-line",
        isOver && "border-l-2 border-l-accent",
      )}
    >
      {above && (
        <span className="text-[11px] leading-3.5 whitespace-nowrap text-muted">{above}</span>
      )}
      <span className="flex max-w-full items-center gap-1 leading-4.5 font-medium" title={text}>
        <span className="truncate">{labelOf(text)}</span>
        {key && (
          <span aria-hidden="true" className="text-accent">
            {key.isDescending ? "↓" : "↑"}
            {sort.length > 1 && <sup>{at + 1}</sup>}
          </span>
        )}
      </span>
      <HeadMenu
        {...props}
        isOpen={isMenuOpen}
        onOpen={setMenuOpen}
        onClosed={() => cell.current?.focus()}
      />
      <Sizer column={column} onSized={props.onSized} />
    </div>
  );
}

/** The right border of a head: dragged, the column gets wider; a double click sets it back. */
function Sizer({ column, onSized }: { column: Column; onSized: HeadActions["onSized"] }) {
  return (
    <span
      aria-hidden="true"
      className="absolute top-0 -right-1 z-10 h-full w-2 cursor-col-resize hover:bg-accent/40"
      draggable
      onDragStart={(event) => {
        event.preventDefault();
        event.stopPropagation();
      }}
      onClick={(event) => event.stopPropagation()}
      onDoubleClick={(event) => {
        event.stopPropagation();
        onSized(column.text, usualWidth(column.text), true);
      }}
      onPointerDown={(event) => {
        event.stopPropagation();
        event.preventDefault();
        const handle = event.currentTarget;
        const began = event.clientX;
        const widthAt = (move: PointerEvent) => column.width + move.clientX - began;
        handle.setPointerCapture(event.pointerId);
        handle.onpointermove = (move) => onSized(column.text, widthAt(move), false);
        handle.onpointerup = (move) => {
          handle.onpointermove = null;
          handle.onpointerup = null;
          if (move.clientX !== began) onSized(column.text, widthAt(move), true);
        };
      }}
    />
  );
}

const ITEM =
  "flex cursor-pointer items-center justify-between gap-6 rounded px-2 py-1 outline-none data-[highlighted]:bg-chosen";

function HeadMenu(
  props: HeadProps & { isOpen: boolean; onOpen: (isOpen: boolean) => void; onClosed: () => void },
) {
  const { place, onSetSort, onSort, onChange, onStep, onHide, onGroup } = props;
  const { text, isPinned, width } = place.column;
  const { kind, family, key, take } = read(text);
  const items: [string, () => void, string?][] = [
    ["Sort with the greatest first", () => onSetSort(text, true)],
    ["Sort with the least first", () => onSetSort(text, false)],
    ["Sort by this as well", () => onSort(text, true), "⇧ click"],
    [isPinned ? "Unpin" : "Pin at the left", () => onChange(text, { isPinned: !isPinned }), "p"],
    ["Move left", () => onStep(text, -1), "Alt ←"],
    ["Move right", () => onStep(text, 1), "Alt →"],
    ["Wider", () => onChange(text, { width: width + 40 }), "Alt ⇧ →"],
    ["Narrower", () => onChange(text, { width: width - 40 }), "Alt ⇧ ←"],
    ["Hide", () => onHide(text), "Del"],
  ];
  if (kind !== "number" && kind !== "time" && kind !== "duration" && kind !== "name")
    items.push(["Group by this", () => onGroup(text)]);
  if (family === "metrics")
    for (const one of METRIC_TAKES)
      if (one !== take)
        items.push([
          one === "curve" ? "Show it as a curve" : `Show the ${one} value`,
          () => onChange(text, columnOf(textOf(family, key, one), isPinned, width)),
        ]);
  return (
    <DropdownMenu.Root open={props.isOpen} onOpenChange={props.onOpen}>
      <DropdownMenu.Trigger
        tabIndex={-1}
        aria-label={`What to do with ${labelOf(text)}`}
        onClick={(event) => event.stopPropagation()}
        className={cx(
          "absolute top-1 rounded bg-raised px-1 leading-4 opacity-0 group-hover:opacity-100 data-[state=open]:opacity-100",
          isNumeric(kind) ? "left-1" : "right-2",
        )}
      >
        ⋯
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align="start"
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            props.onClosed();
          }}
          onClick={(event) => event.stopPropagation()}
          onKeyDown={(event) => event.stopPropagation()}
          className="z-50 min-w-52 rounded-md border border-line bg-panel p-1 shadow-lg"
        >
          {items.map(([label, act, stroke]) => (
            <DropdownMenu.Item key={label} className={ITEM} onSelect={act}>
              {label}
              {stroke && <span className="text-xs text-muted">{stroke}</span>}
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
