/** The files of a run: folders as they are opened, and a preview of one file. */

import { useQueries, useQuery } from "@tanstack/react-query";

import { getJson } from "../api/client";
import { count, size } from "../ui/format";
import type { TreeRow } from "../ui/TreeList";

export interface FileEntry {
  name: string;
  path: string;
  is_folder: boolean;
  size: number;
  files: number;
  artifact: {
    kind: string;
    digest: string;
    media_type: string | null;
    step: number | null;
    caption: string | null;
    logged_at: string | null;
  } | null;
}

interface FolderPage {
  entries: FileEntry[];
  total: number;
}

export interface Preview {
  kind: "text" | "table" | "image" | "audio" | "video" | "html" | "binary";
  media_type: string;
  size: number;
  text: string | null;
  is_cut: boolean;
  columns: string[];
  types: string[];
  rows: unknown[][];
  total: number | null;
  problem: string | null;
}

export const ENTRIES_MAX = 10_000;

export const ownerUrl = (owner: string) => `/api/v1/artifacts/${encodeURIComponent(owner)}`;

/** A path in an address: its slashes stay, all else that means something there is written out. */
export function inUrl(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}

export function fileUrl(owner: string, path: string, isInline: boolean): string {
  return `${ownerUrl(owner)}/files/${inUrl(path)}${isInline ? "?inline=true" : ""}`;
}

/** The folders that are open, the top one included. */
export function useFolders(owner: string, open: readonly string[]) {
  const folders = ["", ...open];
  return useQueries({
    queries: folders.map((path) => ({
      queryKey: ["run", owner, "files", path],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        getJson<FolderPage>(ownerUrl(owner), { path, limit: ENTRIES_MAX }, signal),
      staleTime: 5_000,
    })),
    combine: (results) => ({
      isPending: results[0]?.isPending ?? true,
      error: results.find((one) => one.isError)?.error ?? null,
      pages: new Map(folders.map((path, number) => [path, results[number]?.data])),
    }),
  });
}

/** What the tree shows: entries of the top, and below each open folder those of that one. */
export function rowsOf(
  pages: ReadonlyMap<string, FolderPage | undefined>,
  open: ReadonlySet<string>,
  folder = "",
  depth = 0,
): TreeRow[] {
  const page = pages.get(folder);
  if (!page) return depth > 0 ? [placeholder(folder, depth, "loading …")] : [];
  const rows = page.entries.flatMap((entry) => {
    const isOpen = entry.is_folder && open.has(entry.path);
    const row: TreeRow = {
      path: entry.path,
      name: entry.name,
      depth,
      isFolder: entry.is_folder,
      isOpen,
      note: entry.is_folder ? count(entry.files, "file") : size(entry.size),
    };
    return isOpen ? [row, ...rowsOf(pages, open, entry.path, depth + 1)] : [row];
  });
  const left = page.total - page.entries.length;
  if (left > 0)
    rows.push(
      placeholder(folder, depth, `and ${left.toLocaleString("en")} more: mere artifacts ls`),
    );
  return rows;
}

function placeholder(folder: string, depth: number, name: string): TreeRow {
  return { path: `${folder}//`, name, depth, isFolder: false, isOpen: false, note: "" };
}

/** The folders that a path lies in, from the top. */
export function foldersOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, number) => parts.slice(0, number + 1).join("/"));
}

/** Tables are opened by the server in a process each: not too many at once are asked for. */
const PREVIEWS_AT_ONCE = 3;
const previewing = new Set<Promise<unknown>>();

async function askPreview(
  owner: string,
  path: string,
  rows: number,
  signal: AbortSignal,
): Promise<Preview> {
  while (previewing.size >= PREVIEWS_AT_ONCE) await Promise.race(previewing);
  signal.throwIfAborted();
  const asked = getJson<Preview>(`${ownerUrl(owner)}/preview/${inUrl(path)}`, { rows }, signal);
  const over = asked.then(
    () => undefined,
    () => undefined,
  );
  previewing.add(over);
  void over.then(() => previewing.delete(over));
  return asked;
}

export function usePreview(owner: string, path: string, rows: number, isOn = true) {
  return useQuery({
    queryKey: ["preview", owner, path, rows],
    enabled: isOn,
    queryFn: ({ signal }) => askPreview(owner, path, rows, signal),
    staleTime: 30_000,
  });
}
