/** Files of whoever owns some: a tree at the left, a preview of the one chosen at the right. */

import { useMemo, useState, type ReactNode } from "react";

import { Empty, Failure, Waiting } from "../ui";
import { TreeList } from "../ui/TreeList";
import { useSearchText } from "../ui/useSearchText";
import { foldersOf, rowsOf, useFolders, type FileEntry } from "./files";
import { FilePreview } from "./FilePreview";

/** The files of whatever owns some; what is within is shown where there are none. */
export function Files({
  owner,
  label,
  children,
}: {
  owner: string;
  label: string;
  children: ReactNode;
}) {
  const [chosen, setChosen] = useSearchText("path");
  const [open, setOpen] = useState<ReadonlySet<string>>(() => new Set(foldersOf(chosen)));
  const asked = useMemo(() => [...open].sort(), [open]);
  const { isPending, error, pages } = useFolders(owner, asked);
  const rows = useMemo(() => rowsOf(pages, open), [pages, open]);
  if (isPending) return <Waiting what="Loading the files" />;
  if (error) return <Failure error={error} />;
  if (rows.length === 0) return children;
  const entry = find(pages.values(), chosen);
  return (
    <div className="flex h-full min-h-0">
      <aside className="flex w-80 shrink-0 flex-col border-r border-line bg-panel">
        <TreeList
          label={label}
          rows={rows}
          chosen={chosen}
          onChoose={(row) => !row.path.endsWith("//") && setChosen(row.path)}
          onToggle={(row, isOpen) => {
            const next = new Set(open);
            if (isOpen) next.add(row.path);
            else next.delete(row.path);
            setOpen(next);
          }}
        />
      </aside>
      <div className="flex min-w-0 flex-1 flex-col bg-panel">
        {chosen === "" ? (
          <Empty title="Choose a file">
            By a click, or by the arrow keys once the tree has the focus.
          </Empty>
        ) : (
          <FilePreview key={chosen} owner={owner} path={chosen} entry={entry} />
        )}
      </div>
    </div>
  );
}

function find(
  pages: Iterable<{ entries: FileEntry[] } | undefined>,
  path: string,
): FileEntry | undefined {
  for (const page of pages) {
    const found = page?.entries.find((entry) => entry.path === path);
    if (found) return found;
  }
  return undefined;
}
