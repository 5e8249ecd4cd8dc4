/** Light, dark, or as the system says. */

import { useSyncExternalStore } from "react";

export type Theme = "light" | "dark" | "auto";

const KEY = "mere.theme";
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const watchers = new Set<() => void>();

function stored(): Theme {
  const value = localStorage.getItem(KEY);
  return value === "light" || value === "dark" ? value : "auto";
}

function apply(): void {
  const theme = stored();
  const shown = theme === "auto" ? (dark.matches ? "dark" : "light") : theme;
  document.documentElement.dataset["theme"] = shown;
  for (const tell of watchers) tell();
}

/** Show the theme chosen, from now on. */
export function startTheme(): void {
  dark.addEventListener("change", apply);
  window.addEventListener("storage", apply);
  apply();
}

export function chooseTheme(theme: Theme): void {
  if (theme === "auto") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, theme);
  apply();
}

function watch(tell: () => void): () => void {
  watchers.add(tell);
  return () => watchers.delete(tell);
}

/** What is chosen, and what is shown: charts on a canvas are painted anew when that changes. */
export function useTheme(): { chosen: Theme; shown: "light" | "dark" } {
  const chosen = useSyncExternalStore(watch, stored);
  const shown = useSyncExternalStore(
    watch,
    () =>
      (document.documentElement.dataset["theme"] === "dark" ? "dark" : "light") as "light" | "dark",
  );
  return { chosen, shown };
}
