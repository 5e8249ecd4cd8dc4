/** Small parts that the pages of models and deployments share. */

import { Link } from "@tanstack/react-router";
import type { KeyboardEvent, ReactNode } from "react";

import { cx } from "../../ui";
import { ago, when } from "../../ui/format";

const REVIEWS: Record<string, readonly [mark: string, look: string, word: string]> = {
  requested: ["◔", "text-warn", "review requested"],
  approved: ["✓", "text-good", "approved"],
  rejected: ["✕", "text-bad", "rejected"],
};

/** How far a version is reviewed, by mark and word and not by colour alone. */
export function ReviewState({ state }: { state: string | null | undefined }) {
  const known = REVIEWS[state ?? ""];
  if (!known) return <span className="text-muted">not reviewed</span>;
  const [mark, look, word] = known;
  return (
    <span className={cx("inline-flex items-center gap-1 whitespace-nowrap", look)}>
      <span aria-hidden="true">{mark}</span>
      {word}
    </span>
  );
}

export const LINK = "text-accent hover:underline";

export function ModelLink({ name, className }: { name: string; className?: string }) {
  return (
    <Link
      to="/models/$model"
      params={{ model: name }}
      title={name}
      className={cx(LINK, "truncate", className)}
    >
      <bdi>{name}</bdi>
    </Link>
  );
}

/** A version, by `v3` where it is clear of which model, else by name and number. */
export function VersionLink({
  name,
  version,
  isWhole = false,
}: {
  name: string;
  version: number;
  isWhole?: boolean;
}) {
  return (
    <Link
      to="/models/$model/v/$version"
      params={{ model: name, version: String(version) }}
      title={`${name}, version ${version}`}
      className={cx(LINK, "font-medium")}
    >
      {isWhole && (
        <>
          <bdi>{name}</bdi>{" "}
        </>
      )}
      <span className="whitespace-nowrap">v{version}</span>
    </Link>
  );
}

/** An alias as a mark on something; `champion` is the one that counts. */
export function Alias({ name, children }: { name: string; children?: ReactNode }) {
  return (
    <span
      title={name}
      className={cx(
        "inline-flex max-w-48 items-center gap-1 rounded border px-1.5 align-middle text-xs",
        name === "champion" ? "border-accent text-accent" : "border-line text-text",
      )}
    >
      <span className="truncate">@{name}</span>
      {children}
    </span>
  );
}

/** The aliases of a model; the champion first. */
export function byRank(aliases: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(aliases).sort(
    ([a], [b]) => Number(b === "champion") - Number(a === "champion") || a.localeCompare(b),
  );
}

export function Since({ moment, className }: { moment: string | null; className?: string }) {
  if (!moment) return null;
  return (
    <time dateTime={moment} title={when(moment)} className={cx("whitespace-nowrap", className)}>
      {ago(moment)}
    </time>
  );
}

/** What somebody is called, whatever direction their name is written in. */
export function Person({ name }: { name: string | null | undefined }) {
  return name ? <bdi className="truncate">{name}</bdi> : null;
}

/** Where somebody is, above a page's title. */
export function Crumbs({ children }: { children: ReactNode }) {
  return (
    <nav aria-label="Where this is" className="flex max-w-full items-center gap-1 text-muted">
      {children}
    </nav>
  );
}

/** Escape leaves a search field, and what is searched for stays: the browser would empty it. */
export function leaveOnEscape(event: KeyboardEvent<HTMLInputElement>): void {
  if (event.key !== "Escape") return;
  event.preventDefault();
  event.currentTarget.blur();
}

/** A field with its name above it. */
export function Field({
  label,
  hint,
  children,
}: {
  label: string;
  hint?: ReactNode;
  children: ReactNode;
}) {
  return (
    <label className="grid gap-1">
      <span className="font-medium">{label}</span>
      {children}
      {hint && <span className="text-xs text-muted">{hint}</span>}
    </label>
  );
}

export const INPUT = "h-8 w-full min-w-0 rounded border border-line bg-ground px-2";

/** Why something was refused. */
export function Refusal({ error }: { error: string }) {
  if (!error) return null;
  return (
    <p role="alert" className="rounded border border-bad px-2 py-1 break-words whitespace-pre-wrap">
      {error}
    </p>
  );
}
