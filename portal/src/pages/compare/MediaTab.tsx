/** Images, sounds, tables and texts of the same name side by side, with a slider for their steps. */

import { useEffect, useMemo, useRef, useState } from "react";

import { useMedia, useMediaNames, type MediaKey, type Medium } from "../../api/compare";
import { useLatest } from "../../grid/latest";
import { useKeys, type Key } from "../../shell/keys";
import { Button, Chip, cx, Empty, Failure, Waiting } from "../../ui";
import { count, size } from "../../ui/format";
import { fileUrl, usePreview } from "../../files/files";
import { TablePreview } from "../../files/TablePreview";
import { holds, Remark, SearchBox } from "../../ui/parts";
import { Head, useHeads } from "./Heads";
import type { SheetTabProps } from "./SheetTab";

const RUNS_A_PAGE = 24;
const ROWS = 20;
const TEXT_CHARS = 4_000;

type Props = Omit<SheetTabProps, "family" | "nothing"> & { name: string; step: string | undefined };

export default function MediaTab(props: Props) {
  const { of, set } = props;
  const [wanted, setWanted] = useState("");
  const names = useMediaNames(of, "");
  if (names.isError) return <Failure error={names.error} onRetry={() => void names.refetch()} />;
  if (!names.data) return <Waiting what="Looking for files" />;
  const all = names.data.names;
  if (all.length === 0)
    return (
      <Empty title="These runs have no files">
        Log them by <code>run.log_image</code>, <code>run.log_audio</code>,{" "}
        <code>run.log_table</code> or <code>run.log_artifact</code>.
      </Empty>
    );
  const shown = all.filter((one) => holds(one.name, wanted));
  const chosen = all.find((one) => one.name === props.name) ?? all[0]!;
  return (
    <div className="flex h-full min-h-0">
      <aside className="flex w-64 shrink-0 flex-col border-r border-line bg-panel">
        <div className="flex p-2">
          <SearchBox
            label={`Find in ${count(names.data.total, "name")}`}
            value={wanted}
            onChange={setWanted}
            className="flex-1"
          />
        </div>
        <ul className="min-h-0 flex-1 overflow-auto" aria-label="Names of files">
          {shown.map((one) => (
            <li key={one.name}>
              <button
                type="button"
                aria-current={one.name === chosen.name}
                onClick={() => set({ media: one.name, step: undefined })}
                className={cx(
                  "block w-full px-3 py-1 text-left",
                  one.name === chosen.name ? "bg-chosen" : "hover:bg-raised",
                )}
              >
                <span className="block truncate" title={one.name}>
                  {one.name}
                </span>
                <span className="block truncate text-xs text-muted">{toldOf(one)}</span>
              </button>
            </li>
          ))}
        </ul>
        {names.data.total > all.length && (
          <Remark>The first {all.length.toLocaleString("en")} are listed.</Remark>
        )}
      </aside>
      <Files key={chosen.name} {...props} name={chosen.name} />
    </div>
  );
}

function toldOf(one: MediaKey): string {
  const parts = [one.kind, count(one.runs, "run")];
  if (one.steps > 1) parts.push(count(one.steps, "step"));
  parts.push(
    one.versions === 1 ? "all the same" : `${one.versions.toLocaleString("en")} different`,
  );
  return parts.join(" · ");
}

function Files(props: Props) {
  const { of, name, set, total } = props;
  const [page, setPage] = useState(0);
  const step = props.step === undefined ? null : Number(props.step);
  const asked = useMemo(
    () => ({ name, step, offset: page * RUNS_A_PAGE, limit: RUNS_A_PAGE }),
    [name, step, page],
  );
  const found = useMedia(of, asked);
  const heads = useHeads(of, props.heads, total);
  const { see } = heads;
  useEffect(() => see(page * RUNS_A_PAGE, (page + 1) * RUNS_A_PAGE - 1), [see, page]);
  const steps = useMemo(() => found.data?.steps ?? [], [found.data]);
  const at =
    step === null
      ? steps.length - 1
      : Math.max(
          0,
          steps.findLastIndex((one) => one <= step),
        );
  const turn = (to: number) => {
    const next = steps[Math.max(0, Math.min(steps.length - 1, to))];
    if (next !== undefined) set({ step: String(next) }, true);
  };
  const latest = useLatest({ at, turn });
  const keys = useMemo<Key[]>(
    () => [
      { keys: "[", does: "Step before", act: () => latest().turn(latest().at - 1) },
      { keys: "]", does: "Next step", act: () => latest().turn(latest().at + 1) },
    ],
    [latest],
  );
  useKeys("Media", keys);
  const byRun = new Map(found.data?.files.map((file) => [file.run_id, file]));
  const pages = Math.ceil(total / RUNS_A_PAGE);
  return (
    <div className="flex min-w-0 flex-1 flex-col">
      <div className="flex min-h-10 shrink-0 flex-wrap items-center gap-3 border-b border-line bg-panel px-3 py-1.5">
        <h2 className="min-w-0 truncate font-medium" title={name}>
          {name}
        </h2>
        {steps.length > 1 && (
          <label className="flex items-center gap-2">
            <span className="text-muted">Step</span>
            <input
              type="range"
              min={0}
              max={steps.length - 1}
              value={Math.max(0, at)}
              aria-valuetext={`step ${steps[at]}`}
              onChange={(event) => turn(Number(event.target.value))}
              className="w-56 accent-(--accent)"
            />
            <span className="w-24 tabular-nums">
              {steps[at]?.toLocaleString("en")}{" "}
              <span className="text-muted">of {steps.at(-1)?.toLocaleString("en")}</span>
            </span>
          </label>
        )}
        {pages > 1 && (
          <span className="ml-auto flex items-center gap-1">
            <Button disabled={page === 0} onClick={() => setPage(page - 1)}>
              Runs before
            </Button>
            <span className="text-muted">
              {page + 1} of {pages}
            </span>
            <Button disabled={page >= pages - 1} onClick={() => setPage(page + 1)}>
              Next runs
            </Button>
          </span>
        )}
      </div>
      {found.isError ? (
        <Failure error={found.error} onRetry={() => void found.refetch()} />
      ) : !found.data ? (
        <Waiting what="Looking for files" />
      ) : (
        <ul
          tabIndex={0}
          aria-label={`${name} by run`}
          className="grid min-h-0 flex-1 auto-rows-max grid-cols-[repeat(auto-fill,minmax(15rem,1fr))] gap-3 overflow-auto p-3"
        >
          {found.data.runs.map((id, place) => {
            const column = page * RUNS_A_PAGE + place;
            return (
              <li key={id} className="min-w-0 rounded border border-line bg-panel">
                <div className="h-11 border-b border-line px-2">
                  <Head
                    run={heads.at(column)}
                    isBase={id === props.rows.baseline}
                    hasExperiment={props.hasExperiments}
                    onBase={() => set({ base: id === props.rows.baseline ? undefined : id })}
                    onRemove={undefined}
                  />
                </div>
                <Shown file={byRun.get(id)} />
              </li>
            );
          })}
        </ul>
      )}
    </div>
  );
}

function Shown({ file }: { file: Medium | undefined }) {
  if (!file) return <Remark>The run has no such file.</Remark>;
  const address = fileUrl(file.run_id, file.path, true);
  const media = file.media_type ?? "";
  return (
    <figure className="flex flex-col">
      {media.startsWith("image/") ? (
        <img
          src={address}
          alt={file.caption ?? file.path}
          loading="lazy"
          className="max-h-80 w-full bg-ground object-contain [image-rendering:pixelated]"
        />
      ) : media.startsWith("audio/") ? (
        <audio controls preload="metadata" src={address} className="m-2 max-w-[calc(100%-1rem)]" />
      ) : media.startsWith("video/") ? (
        <video controls preload="metadata" src={address} className="max-h-80 w-full" />
      ) : (
        <Read file={file} />
      )}
      <figcaption className="flex flex-wrap items-center gap-1.5 border-t border-line/60 px-2 py-1 text-xs text-muted">
        {file.step !== null && <Chip>step {file.step.toLocaleString("en")}</Chip>}
        <span>{size(file.size)}</span>
        {file.caption && <span dir="auto">{file.caption}</span>}
        <a
          href={fileUrl(file.run_id, file.path, false)}
          download
          className="ml-auto text-accent underline"
        >
          Download
        </a>
      </figcaption>
    </figure>
  );
}

/** A table or text: its first rows, its beginning; read once it comes into sight. */
function Read({ file }: { file: Medium }) {
  const place = useRef<HTMLDivElement>(null);
  const [isSeen, setSeen] = useState(false);
  useEffect(() => {
    const watcher = new IntersectionObserver(([entry]) => entry?.isIntersecting && setSeen(true));
    if (place.current) watcher.observe(place.current);
    return () => watcher.disconnect();
  }, []);
  const found = usePreview(file.run_id, file.path, ROWS, isSeen);
  if (found.isPending)
    return (
      <div ref={place} className="h-64">
        <Waiting what="Reading" />
      </div>
    );
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  const { kind, problem, text } = found.data;
  if (problem) return <Remark>It cannot be shown: {problem}</Remark>;
  if (kind === "table")
    return (
      <div className="flex h-64 min-h-0 flex-col">
        <TablePreview preview={found.data} onMore={undefined} />
      </div>
    );
  if (text === null) return <Remark>There is no preview of this kind of file.</Remark>;
  return (
    <pre tabIndex={0} className="max-h-64 overflow-auto p-2 font-mono text-xs whitespace-pre-wrap">
      {text.slice(0, TEXT_CHARS)}
    </pre>
  );
}
