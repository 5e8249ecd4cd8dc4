/** The questions that somebody asked in this browser, the last first. Nothing of it is sent. */

import { useSyncExternalStore } from "react";

import type { Question } from "../../api/sql";

export interface Asked extends Question {
  /** When, in milliseconds. */
  at: number;
  rows: number | null;
}

const KEY = "mere.sql.history";
const MOST = 100;
const CHARS_MAX = 20_000;
const watchers = new Set<() => void>();
let text: string | null = null;
let kept: readonly Asked[] = [];

function read(): readonly Asked[] {
  const stored = localStorage.getItem(KEY);
  if (stored === text) return kept;
  text = stored;
  try {
    const found: unknown = JSON.parse(stored ?? "[]");
    kept = Array.isArray(found) ? found.filter(isAsked) : [];
  } catch {
    kept = [];
  }
  return kept;
}

function isAsked(one: unknown): one is Asked {
  if (typeof one !== "object" || one === null) return false;
  const { sql, asOf, at } = one as Record<string, unknown>;
  return typeof sql === "string" && typeof asOf === "string" && typeof at === "number";
}

function write(list: readonly Asked[]): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(list));
  } catch {
    // The browser's room is full: then this question is not kept.
  }
  for (const tell of watchers) tell();
}

/** Put a question first; one that was asked before moves there. */
export function withAsked(list: readonly Asked[], asked: Asked): Asked[] {
  const others = list.filter((one) => one.sql !== asked.sql || one.asOf !== asked.asOf);
  return [asked, ...others].slice(0, MOST);
}

export function keepAsked(question: Question, rows: number | null): void {
  if (question.sql.length > CHARS_MAX) return;
  write(withAsked(read(), { ...question, at: Date.now(), rows }));
}

export function forgetAsked(): void {
  write([]);
}

function watch(tell: () => void): () => void {
  watchers.add(tell);
  window.addEventListener("storage", tell);
  return () => {
    watchers.delete(tell);
    window.removeEventListener("storage", tell);
  };
}

export function useAsked(): readonly Asked[] {
  return useSyncExternalStore(watch, read);
}

const DRAFT = "mere.sql.draft";

/** What was written and not asked yet: not lost when somebody goes to another page. */
export function draft(): string {
  return sessionStorage.getItem(DRAFT) ?? "";
}

export function keepDraft(sql: string): void {
  try {
    sessionStorage.setItem(DRAFT, sql);
  } catch {
    // As above.
  }
}
