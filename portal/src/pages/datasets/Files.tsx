/** The files of a version: found by their paths, looked at beside the list, downloaded. */

import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useMemo } from "react";

import { askFiles, fileAddress, type Dataset, type DatasetFile } from "../../api/datasets";
import { getText } from "../../api/client";
import { Failure, Waiting } from "../../ui";
import { count, size } from "../../ui/format";
import { useWindow } from "../../ui/useWindow";
import { WindowTable, type Column } from "../../ui/WindowTable";
import { CopyButton, Remark, SearchBox } from "../../ui/parts";
import { TextView } from "../../ui/TextView";
import { useSearchText } from "../../ui/useSearchText";

const IMAGE = /\.(png|jpe?g|gif|webp)$/i;
const TEXT = /\.(txt|md|csv|tsv|json|jsonl|ya?ml|toml|py|xml|html|svg|log)$/i;
const SHOWN_BYTES_MAX = 4_000_000;

export function Files({ of }: { of: Dataset }) {
  const [words, setWords] = useSearchText("q");
  const [path, setPath] = useSearchText("file");
  const wanted = useDeferredValue(words);
  const list = useWindow(
    ["datasetFiles", of.dataset_id, wanted],
    (offset, limit, signal) => askFiles(of.dataset_id, wanted, offset, limit, signal),
    (page) => page.files,
  );
  const columns = useMemo<readonly Column<DatasetFile>[]>(
    () => [
      {
        id: "path",
        label: "Path",
        width: "minmax(12rem,1fr)",
        show: (one) => (
          <button
            type="button"
            title={one.path}
            aria-pressed={one.path === path}
            onClick={() => setPath(one.path)}
            className="block max-w-full truncate text-left text-accent hover:underline"
          >
            <bdi>{one.path}</bdi>
          </button>
        ),
      },
      { id: "size", label: "Size", width: "6rem", isRight: true, show: (one) => size(one.size) },
      {
        id: "digest",
        label: "SHA-256",
        width: "8rem",
        show: (one) => (
          <code className="text-xs text-muted" title={one.digest}>
            {one.digest.slice(0, 12)}
          </code>
        ),
      },
    ],
    [path, setPath],
  );
  if (of.kind !== "files") return <Remark>It is no set of files: see its rows instead.</Remark>;
  if (list.isPending) return <Waiting what="Listing files" />;
  if (list.error && !list.first) return <Failure error={list.error} onRetry={list.retry} />;
  return (
    <div className="flex h-full min-h-0">
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <p className="flex flex-wrap items-center gap-3 border-b border-line px-4 py-1.5 text-muted">
          <SearchBox label="Find files" value={words} onChange={setWords} className="w-56" />
          <span role="status">
            {count(list.total, "file")}, {size(list.first?.bytes)}
          </span>
        </p>
        {list.total === 0 ? (
          <Remark>No path holds these words.</Remark>
        ) : (
          <WindowTable
            label="Files"
            columns={columns}
            list={list}
            keyOf={(one) => one.path}
            onOpen={(one) => setPath(one.path)}
            order={{ by: "", isDescending: false }}
            onOrder={() => undefined}
            minWidth="28rem"
            rowPx={28}
          />
        )}
      </div>
      {path && <Look of={of} path={path} onClose={() => setPath("")} />}
    </div>
  );
}

function Look({ of, path, onClose }: { of: Dataset; path: string; onClose: () => void }) {
  const address = fileAddress(of.dataset_id, path, true);
  return (
    <aside
      aria-label="The file chosen"
      className="flex w-[42%] min-w-64 flex-col border-l border-line bg-panel"
    >
      <header className="flex flex-wrap items-center gap-1 border-b border-line px-3 py-1.5">
        <h2 className="min-w-0 flex-1 truncate font-medium" title={path}>
          <bdi>{path}</bdi>
        </h2>
        <CopyButton text={path} what="Copy path" />
        <a
          href={fileAddress(of.dataset_id, path, false)}
          download
          className="inline-flex h-7 items-center rounded border border-line px-2.5 font-medium hover:bg-raised"
        >
          Download
        </a>
        <button
          type="button"
          aria-label="Close the file"
          onClick={onClose}
          className="h-7 rounded px-2 hover:bg-raised"
        >
          ✕
        </button>
      </header>
      {IMAGE.test(path) ? (
        <div className="min-h-0 flex-1 overflow-auto p-4">
          <img src={address} alt={path} className="max-w-full min-w-24 border border-line" />
        </div>
      ) : TEXT.test(path) ? (
        <TextOf address={address} path={path} />
      ) : (
        <Remark>There is no preview of this kind of file. Download it to look into it.</Remark>
      )}
    </aside>
  );
}

/** Whatever kind of text it is, it is shown as text. */
function TextOf({ address, path }: { address: string; path: string }) {
  const found = useQuery({
    queryKey: ["datasetFile", address],
    queryFn: ({ signal }) => getText(address, {}, signal),
    staleTime: Infinity,
  });
  if (found.isPending) return <Waiting what="Reading the file" />;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  return <TextView text={found.data.slice(0, SHOWN_BYTES_MAX)} label={path} />;
}
