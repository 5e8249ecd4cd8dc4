/** What the keys of the grid do: in a cell, in a head, and from anywhere on the page. */

import { useMemo } from "react";

import { useKeys, type Key } from "../shell/keys";
import type { Column } from "./columns";
import type { HeadActions } from "./HeadCell";
import { useLatest } from "./latest";
import type { Active, Stroke } from "./moves";
import type { GridRow } from "./RowStore";

/** What the page around the grid does with runs; `id` is the run under the cursor. */
export interface GridCommands {
  open: (id: string) => void;
  rename: (id: string, row: GridRow) => void;
  tag: (id: string | null) => void;
  note: (id: string, row: GridRow) => void;
  show: (id: string) => void;
}

export interface KeyTargets {
  active: Active;
  rowAt: (index: number) => GridRow;
  columnAt: (number: number) => Column | undefined;
  move: (stroke: Stroke) => Active | null;
  goTo: (to: Active) => void;
  turn: (row: GridRow, isRange: boolean, index: number) => void;
  turnGroup: (row: GridRow) => void;
  chooseAll: () => void;
  head: HeadActions;
  commands: GridCommands;
}

/** The grid's own keys as a handler; those that work from everywhere are registered. */
export function useGridKeys(targets: KeyTargets): (event: React.KeyboardEvent) => void {
  const latest = useLatest(targets);
  const keys = useMemo(() => keysOf(latest), [latest]);
  useKeys("Runs", keys);
  return (event) => pressed(event, targets);
}

function keysOf(latest: () => KeyTargets): Key[] {
  const here = () => {
    const { active, rowAt } = latest();
    return active.row < 0 ? null : rowAt(active.row);
  };
  const idHere = () => {
    const row = here();
    return row?.kind === "run" ? row.id : null;
  };
  const step = (key: string) => () => {
    const to = latest().move({ key, hasControl: false });
    if (to !== null) latest().goTo(to);
  };
  const withRun = (name: "rename" | "note") => () => {
    const row = here();
    if (row?.kind === "run") latest().commands[name](row.id, row);
  };
  const turn = (isRange: boolean) => () => {
    const row = here();
    if (row !== null) latest().turn(row, isRange, latest().active.row);
  };
  return [
    { keys: "j", does: "Next run", act: step("ArrowDown") },
    { keys: "k", does: "Run before", act: step("ArrowUp") },
    { keys: "x", does: "Choose this run, or not", act: turn(false) },
    { keys: "shift+x", does: "Choose all from the last one to this", act: turn(true) },
    { keys: "t", does: "Tag", act: () => latest().commands.tag(idHere()) },
    { keys: "e", does: "Rename", act: withRun("rename") },
    { keys: "n", does: "Write a note", act: withRun("note") },
    { keys: "p", does: "Pin this column, or not", act: () => pin(latest()) },
  ];
}

function pin({ active, columnAt, head }: KeyTargets): void {
  const column = columnAt(active.column);
  if (column !== undefined) head.onChange(column.text, { isPinned: !column.isPinned });
}

/** Keys that mean something in a grid and nothing elsewhere. */
function pressed(event: React.KeyboardEvent, targets: KeyTargets): void {
  if (event.defaultPrevented || isField(event.target)) return;
  const isDone = targets.active.row < 0 ? inHead(event, targets) : inRow(event, targets);
  if (isDone) return event.preventDefault();
  const hasControl = event.ctrlKey || event.metaKey;
  if (hasControl && event.key.toLowerCase() === "a") {
    event.preventDefault();
    return targets.chooseAll();
  }
  if (event.altKey) return;
  const to = targets.move({ key: event.key, hasControl });
  if (to === null) return;
  event.preventDefault();
  if (event.shiftKey && to.row >= 0 && targets.active.row >= 0) {
    targets.turn(targets.rowAt(to.row), true, to.row);
  }
  targets.goTo(to);
}

function isField(target: EventTarget): boolean {
  return target instanceof HTMLInputElement && target.type !== "checkbox";
}

function inHead(event: React.KeyboardEvent, { active, columnAt, head, chooseAll }: KeyTargets) {
  const column = columnAt(active.column);
  const isEnter = event.key === "Enter" || event.key === " ";
  if (column === undefined) {
    if (isEnter) chooseAll();
    return isEnter;
  }
  const { text, width } = column;
  if (isEnter) head.onSort(text, event.shiftKey);
  else if (event.key === "Delete") head.onHide(text);
  else if (event.altKey && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
    const by = event.key === "ArrowLeft" ? -1 : 1;
    if (event.shiftKey) head.onChange(text, { width: width + by * 16 });
    else head.onStep(text, by);
  } else return false;
  return true;
}

function inRow(event: React.KeyboardEvent, targets: KeyTargets): boolean {
  const { active, commands } = targets;
  const row = targets.rowAt(active.row);
  if (event.key === " ") {
    if (event.shiftKey || active.column === 0) targets.turn(row, event.shiftKey, active.row);
    else if (row.kind === "run") commands.show(row.id);
    else targets.turnGroup(row);
    return true;
  }
  if (event.key === "Enter") {
    if (row.kind === "run") commands.open(row.id);
    else targets.turnGroup(row);
    return true;
  }
  if (row.kind !== "group" || active.column > 1) return false;
  const opens = event.key === "ArrowRight" && !row.isOpen;
  const closes = event.key === "ArrowLeft" && row.isOpen;
  if (opens || closes) targets.turnGroup(row);
  return opens || closes;
}
