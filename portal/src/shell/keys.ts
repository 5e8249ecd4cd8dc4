/**
 * The keyboard: one map of all keys, shown by `?`.
 *
 * Pages register what they know with `useKeys`; what was registered last goes first. Keys without
 * Ctrl are off while somebody types, and altogether where `mere.keys` is `off`.
 */

import { useEffect, useSyncExternalStore } from "react";

export interface Key {
  /** `k`, `shift+x`, `mod+k` (Ctrl or Cmd), or two in a row as `g h`. */
  keys: string;
  does: string;
  act: (event: KeyboardEvent) => void;
}

const layers: { title: string; keys: readonly Key[] }[] = [];
const watchers = new Set<() => void>();
const SEQUENCE_MS = 900;
let shown: readonly { title: string; keys: readonly Key[] }[] = [];
let first = "";
let firstAt = 0;

function changed(): void {
  shown = [...layers];
  for (const tell of watchers) tell();
}

/** Offer keys while a component is shown. Give it an array that stays the same. */
export function useKeys(title: string, keys: readonly Key[]): void {
  useEffect(() => {
    const layer = { title, keys };
    layers.push(layer);
    changed();
    return () => {
      layers.splice(layers.indexOf(layer), 1);
      changed();
    };
  }, [title, keys]);
}

/** All keys that do something now. */
export function useKeyMap(): readonly { title: string; keys: readonly Key[] }[] {
  return useSyncExternalStore(
    (tell) => {
      watchers.add(tell);
      return () => watchers.delete(tell);
    },
    () => shown,
  );
}

export function areSingleKeysOn(): boolean {
  return localStorage.getItem("mere.keys") !== "off";
}

export function setSingleKeys(isOn: boolean): void {
  if (isOn) localStorage.removeItem("mere.keys");
  else localStorage.setItem("mere.keys", "off");
  changed();
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName);
}

/** How a pressed key is written in the map. */
export function nameOf(event: KeyboardEvent): string {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const mod = event.ctrlKey || event.metaKey ? "mod+" : "";
  const isLetter = /^[a-z]$/.test(key);
  const shift = event.shiftKey && (isLetter || event.key.length > 1) ? "shift+" : "";
  return `${mod}${event.altKey ? "alt+" : ""}${shift}${key}`;
}

function find(wanted: string): Key | undefined {
  for (const layer of [...layers].reverse()) {
    const key = layer.keys.find((one) => one.keys === wanted);
    if (key) return key;
  }
  return undefined;
}

function press(event: KeyboardEvent): void {
  if (event.defaultPrevented || ["Shift", "Control", "Meta", "Alt"].includes(event.key)) return;
  const name = nameOf(event);
  const isPlain = !name.startsWith("mod+") && !name.startsWith("alt+");
  if (isPlain && (isTyping(event.target) || !areSingleKeysOn())) return;
  const second = event.timeStamp - firstAt < SEQUENCE_MS ? find(`${first} ${name}`) : undefined;
  const key = second ?? find(name);
  first = name;
  firstAt = event.timeStamp;
  if (key === undefined) return;
  event.preventDefault();
  key.act(event);
}

export function startKeys(): void {
  window.addEventListener("keydown", press);
}
