/** Small parts that the pages of datasets share. */

import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import type { DatasetFacts } from "../../api/datasets";
import { Chip, cx } from "../../ui";
import { ago, count, number, size, when } from "../../ui/format";

const LINK = "text-accent hover:underline";

export function DatasetLink({ name, className }: { name: string; className?: string }) {
  return (
    <Link
      to="/datasets/$dataset"
      params={{ dataset: name }}
      title={name}
      className={cx(LINK, "truncate", className)}
    >
      <bdi>{name}</bdi>
    </Link>
  );
}

export function VersionLink({ name, version }: { name: string; version: number }) {
  return (
    <Link
      to="/datasets/$dataset/v/$version"
      params={{ dataset: name, version: String(version) }}
      title={`${name}, version ${version}`}
      className={cx(LINK, "font-medium")}
    >
      v{version}
    </Link>
  );
}

export function Since({ at }: { at: string | null }) {
  return <span title={when(at)}>{ago(at)}</span>;
}

/** How much there is of it: rows of a table, files of a set. */
export function Amount({ of }: { of: Pick<DatasetFacts, "kind" | "rows" | "files"> }) {
  if (of.rows !== null) return <>{number(of.rows)}</>;
  if (of.files !== null) return <>{count(of.files, "file")}</>;
  return <span className="text-muted">not known</span>;
}

export function Bytes({ of }: { of: number | null }) {
  return of === null ? <span className="text-muted">–</span> : <>{size(of)}</>;
}

export function TagChips({ tags }: { tags: Record<string, string> }) {
  return (
    <span className="flex gap-1 overflow-hidden">
      {Object.entries(tags).map(([tag, to]) => (
        <Chip key={tag} title={`${tag}: ${to}`}>
          {tag}: {to}
        </Chip>
      ))}
    </span>
  );
}

/** Where in the portal this is; the last is the page itself. `tab` is that of the list it is in. */
export function Trail({ tab, children }: { tab?: string; children: ReactNode }) {
  return (
    <nav aria-label="Where this is" className="flex min-w-0 items-baseline gap-1.5 text-muted">
      <Link to="/datasets" search={{ tab }} className="hover:underline">
        Datasets
      </Link>
      <span>/</span>
      {children}
    </nav>
  );
}
