/**
 * What a file holds: text, JSON, Markdown, tables, images, sound, pages.
 *
 * What people logged is not trusted: pages are shown only in a frame of their own, which shares
 * nothing with this one, and everything else as text or by the browser's own decoders.
 */

import { lazy, Suspense, useState } from "react";

import { Button, Chip, Empty, Failure, Waiting } from "../ui";
import { count, size, when } from "../ui/format";
import { CopyButton, Facts, Remark } from "../ui/parts";
import { TextView } from "../ui/TextView";
import { fileUrl, usePreview, type FileEntry, type Preview } from "./files";
import { TablePreview } from "./TablePreview";

const Markdown = lazy(() => import("../ui/Markdown"));
const FIRST_ROWS = 100;
const MORE_ROWS = 1_000;

interface Shown {
  owner: string;
  path: string;
  entry: FileEntry | undefined;
}

export function FilePreview({ owner, path, entry }: Shown) {
  if (entry?.is_folder)
    return (
      <Empty title={entry.name}>
        {count(entry.files, "file")}, {size(entry.size)}
      </Empty>
    );
  return <File owner={owner} path={path} entry={entry} />;
}

function File({ owner, path, entry }: Shown) {
  const [rows, setRows] = useState(FIRST_ROWS);
  const [isSource, setSource] = useState(false);
  const found = usePreview(owner, path, rows);
  const artifact = entry?.artifact;
  return (
    <>
      <div className="flex min-h-9 flex-wrap items-center gap-2 border-b border-line px-3 py-1">
        <h2 className="min-w-0 truncate font-medium" title={path}>
          {path}
        </h2>
        {found.data && <span className="text-muted">{size(found.data.size)}</span>}
        {found.data && <Chip>{found.data.media_type}</Chip>}
        {artifact?.step != null && <Chip>step {artifact.step.toLocaleString("en")}</Chip>}
        {artifact?.logged_at && (
          <span className="text-muted">logged {when(artifact.logged_at)}</span>
        )}
        <span className="ml-auto flex gap-1">
          {found.data && hasSource(found.data, path) && (
            <Button aria-pressed={isSource} onClick={() => setSource(!isSource)}>
              {isSource ? "Show as it looks" : "Show the source"}
            </Button>
          )}
          <CopyButton text={path} what="Copy path" />
          <a
            href={fileUrl(owner, path, false)}
            download
            className="inline-flex h-7 items-center rounded border border-line bg-panel px-2.5 font-medium hover:bg-raised"
          >
            Download
          </a>
        </span>
      </div>
      {artifact?.caption && <p className="border-b border-line px-3 py-1">{artifact.caption}</p>}
      {found.isPending && <Waiting what="Reading the file" />}
      {found.isError && <Failure error={found.error} onRetry={() => void found.refetch()} />}
      {found.data && (
        <Content
          owner={owner}
          path={path}
          preview={found.data}
          isSource={isSource}
          digest={artifact?.digest}
          onMore={rows < MORE_ROWS ? () => setRows(MORE_ROWS) : undefined}
        />
      )}
    </>
  );
}

function hasSource(preview: Preview, path: string): boolean {
  return preview.kind === "html" || isMarkdown(preview, path) || isJson(preview, path);
}

function isMarkdown(preview: Preview, path: string): boolean {
  return preview.kind === "text" && /\.(md|markdown)$/i.test(path);
}

function isJson(preview: Preview, path: string): boolean {
  return preview.kind === "text" && !preview.is_cut && /\.(json|ipynb)$/i.test(path);
}

function Content(props: {
  owner: string;
  path: string;
  preview: Preview;
  isSource: boolean;
  digest: string | undefined;
  onMore: (() => void) | undefined;
}) {
  const { owner, path, preview, isSource } = props;
  const address = fileUrl(owner, path, true);
  if (preview.problem) return <Remark>It cannot be shown: {preview.problem}</Remark>;
  switch (preview.kind) {
    case "table":
      return <TablePreview preview={preview} onMore={props.onMore} />;
    case "image":
      return <Image address={address} path={path} />;
    case "audio":
      return <audio controls preload="metadata" src={address} className="m-4 w-[min(36rem,90%)]" />;
    case "video":
      return <video controls preload="metadata" src={address} className="m-4 max-h-[80%]" />;
    case "html":
      if (isSource) return <Text preview={preview} path={path} />;
      if (preview.media_type === "image/svg+xml") return <Image address={address} path={path} />;
      return (
        <iframe
          title={path}
          src={address}
          sandbox="allow-scripts"
          referrerPolicy="no-referrer"
          className="min-h-0 w-full flex-1 bg-white"
        />
      );
    case "text":
      if (isMarkdown(preview, path) && !isSource)
        return (
          <div className="min-h-0 flex-1 overflow-auto" tabIndex={0} role="group" aria-label={path}>
            <Suspense fallback={<Waiting />}>
              <Markdown text={preview.text ?? ""} />
            </Suspense>
          </div>
        );
      return <Text preview={preview} path={path} isPretty={isJson(preview, path) && !isSource} />;
    default:
      return (
        <>
          <Remark>There is no preview of this kind of file. Download it to look into it.</Remark>
          <Facts
            of={[
              ["Kind", preview.media_type],
              ["Size", size(preview.size)],
              [
                "SHA-256",
                <code key="d" className="break-all">
                  {props.digest}
                </code>,
              ],
            ]}
          />
        </>
      );
  }
}

function Image({ address, path }: { address: string; path: string }) {
  const [isFailed, setFailed] = useState(false);
  if (isFailed) return <Remark>The browser cannot show this image. Download it instead.</Remark>;
  return (
    <div className="min-h-0 flex-1 overflow-auto p-4" tabIndex={0} role="group" aria-label={path}>
      <img
        src={address}
        alt={path}
        onError={() => setFailed(true)}
        className="max-w-full border border-line"
      />
    </div>
  );
}

function Text(props: { preview: Preview; path: string; isPretty?: boolean }) {
  const { preview, path, isPretty = false } = props;
  const text = preview.text ?? "";
  return (
    <>
      {preview.is_cut && (
        <Remark>This is the beginning of it. Download the file to see the rest.</Remark>
      )}
      {text === "" ? (
        <Remark>The file is empty.</Remark>
      ) : (
        <TextView text={isPretty ? indented(text) : text} label={path} />
      )}
    </>
  );
}

function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
