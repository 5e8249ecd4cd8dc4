/**
 * The keyboard: one map of all keys, shown by `?`.
 *
 * Pages register what they know with `useKeys`; what was registered last goes first. Keys without
 * Ctrl are off while somebody types or is in a menu, and altogether where `mere.keys` is `off`. A
 * dialog puts a `KeyBarrier` before what is beneath it.
 */

import { useEffect, useSyncExternalStore } from "react";

export interface Key {
  /** `k`, `shift+x`, `mod+k` (Ctrl or Cmd), or two in a row as `g h`. */
  keys: string;
  does: string;
  act: (event: KeyboardEvent) => void;
}

interface Layer {
  title: string;
  /** Null is a barrier: what was registered before it does nothing. */
  keys: readonly Key[] | null;
}

interface ShownLayer extends Layer {
  keys: readonly Key[];
}

const layers: Layer[] = [];
const watchers = new Set<() => void>();
const SEQUENCE_MS = 900;
let shown: readonly ShownLayer[] = [];
let first = "";
let firstAt = 0;

function changed(): void {
  shown = layers.filter((layer): layer is ShownLayer => layer.keys !== null);
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

/** While it is there, keys of what is beneath do nothing; those of what comes after it do. */
export function KeyBarrier(): null {
  useEffect(() => {
    const layer = { title: "", keys: null };
    layers.push(layer);
    return () => void layers.splice(layers.indexOf(layer), 1);
  }, []);
  return null;
}

/** All keys that do something now. */
export function useKeyMap(): readonly ShownLayer[] {
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
  if (target.closest("[role=menu]")) return true; // there, letters find an entry
  if (target instanceof HTMLInputElement) return !/^(checkbox|radio|button)$/.test(target.type);
  return target.isContentEditable || /^(textarea|select)$/i.test(target.tagName);
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
    if (layer.keys === null) return undefined;
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
