/** Paths as a tree: folders first, those that are open with what is in them. */

import type { TreeRow } from "../../../ui/TreeList";

interface Folder {
  folders: Map<string, Folder>;
  files: { name: string; path: string; note: string }[];
}

export function treeRows(
  files: readonly { path: string; note: string }[],
  closed: ReadonlySet<string>,
): TreeRow[] {
  const root: Folder = { folders: new Map(), files: [] };
  for (const file of files) {
    const parts = file.path.split("/");
    const name = parts.pop() ?? "";
    let place = root;
    for (const part of parts) {
      const there: Folder = place.folders.get(part) ?? { folders: new Map(), files: [] };
      place.folders.set(part, there);
      place = there;
    }
    place.files.push({ ...file, name });
  }
  const rows: TreeRow[] = [];
  const add = (folder: Folder, above: string, depth: number) => {
    for (const [name, below] of [...folder.folders].sort(([a], [b]) => a.localeCompare(b))) {
      const path = `${above}${name}/`;
      const isOpen = !closed.has(path);
      rows.push({ path, name, depth, isFolder: true, isOpen, note: "" });
      if (isOpen) add(below, path, depth + 1);
    }
    for (const file of folder.files.sort((a, b) => a.name.localeCompare(b.name)))
      rows.push({ ...file, depth, isFolder: false, isOpen: false });
  };
  add(root, "", 0);
  return rows;
}
