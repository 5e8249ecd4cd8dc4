/** The code of a run: commit, command, uncommitted changes, its files, and what was not stored. */

import { useMemo, useState } from "react";

import { Chip, cx, Empty, Failure, Waiting } from "../../../ui";
import { count, size } from "../../../ui/format";
import { useCode, useCodeText, type CodePage } from "../data";
import { CommandLine, CopyButton, Facts, holds, Remark, SearchBox } from "../../../ui/parts";
import { folderName } from "../Repeats";
import type { TabProps } from "../RunPage";
import { useSearchText } from "../../../ui/useSearchText";
import { TextView } from "../../../ui/TextView";
import { TreeList } from "../../../ui/TreeList";
import { DiffView } from "../../../diff/DiffView";
import { treeRows } from "./tree";

const REASONS: Record<string, string> = {
  secret: "looks like a secret",
  large: "is too large",
  total: "all files together were too large",
  count: "there were too many files",
  link: "is a link that leads out of the code",
  unreadable: "could not be read",
  submodule: "is a submodule",
  repository: "is a repository of its own",
};

export default function Code({ page }: TabProps) {
  const found = useCode(page.run.run_id);
  if (found.isPending) return <Waiting what="Unpacking the code" />;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  const code = found.data;
  if (!code.command && !code.git.commit && !code.has_diff)
    return <Empty title="No code was stored">{code.problem}</Empty>;
  return (
    <div className="flex h-full min-h-0 flex-col">
      <Origin code={code} runId={page.run.run_id} folder={folderName(page.run)} />
      <Files code={code} run={page.run.run_id} />
    </div>
  );
}

function Origin({ code, runId, folder }: { code: CodePage; runId: string; folder: string }) {
  const { git, command } = code;
  return (
    <div className="grid shrink-0 border-b border-line bg-panel lg:grid-cols-2">
      <Facts
        of={[
          ["Repository", git.remote],
          [
            "Commit",
            git.commit && (
              <>
                <code>{git.commit}</code>
                <CopyButton text={git.commit} />
              </>
            ),
          ],
          ["Branch", git.branch],
          ["Uncommitted changes", git.is_dirty === null ? "" : git.is_dirty ? "yes" : "none"],
          ["Command", command && <code className="break-all">{written(code)}</code>],
          ["In folder", command?.folder],
        ]}
      />
      <div className="grid content-start gap-2 p-3">
        <CommandLine
          why="Get this code, with the list of its packages:"
          text={`mere checkout ${runId} --into ${folder}`}
        />
      </div>
    </div>
  );
}

/** The command as one would type it. */
export function written(code: Pick<CodePage, "command">): string {
  const { command } = code;
  if (!command) return "";
  const words = command.is_module ? ["python", "-m"] : ["python"];
  if (command.entrypoint) words.push(command.entrypoint);
  words.push(...(command.arguments ?? []));
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(" ");
}

function Files({ code, run }: { code: CodePage; run: string }) {
  const [chosen, setChosen] = useSearchText("file");
  const [wanted, setWanted] = useSearchText("q");
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(
    () =>
      treeRows(
        code.files
          .filter((file) => holds(file.path, wanted))
          .map((file) => ({ path: file.path, note: file.link ? "link" : size(file.size) })),
        closed,
      ),
    [closed, code.files, wanted],
  );
  const entry = code.command?.entrypoint ?? "";
  const first = code.files.some((file) => file.path === entry) ? entry : code.files[0]?.path;
  const shown = chosen || (code.has_diff ? "" : (first ?? ""));
  const isDiff = shown === "";
  return (
    <div className="flex min-h-0 flex-1">
      <aside className="flex w-72 shrink-0 flex-col border-r border-line bg-panel">
        <button
          type="button"
          onClick={() => setChosen("")}
          aria-current={isDiff}
          disabled={!code.has_diff}
          className={cx(
            "border-b border-line px-3 py-2 text-left disabled:text-muted",
            isDiff && code.has_diff ? "bg-chosen" : "hover:bg-raised",
          )}
        >
          {code.has_diff ? "Uncommitted changes" : "No uncommitted changes stored"}
        </button>
        {code.files.length > 0 && (
          <div className="flex gap-2 p-2">
            <SearchBox
              label={`Find in ${count(code.files.length, "file")}`}
              value={wanted}
              onChange={setWanted}
              className="flex-1"
            />
          </div>
        )}
        {code.problem && <Remark>No files: {code.problem}.</Remark>}
        {code.kind && code.kind !== "tree" && (
          <Remark>
            {code.kind === "changes"
              ? "The repository is large: only files that differ from the commit were stored."
              : `What was stored: the ${code.kind} and what it uses from beside it.`}
          </Remark>
        )}
        <TreeList
          label="Files of the code"
          rows={rows}
          chosen={shown}
          onChoose={(row) => !row.isFolder && setChosen(row.path)}
          onToggle={(row, isOpen) => {
            const next = new Set(closed);
            if (isOpen) next.delete(row.path);
            else next.add(row.path);
            setClosed(next);
          }}
        />
        <LeftOut code={code} />
      </aside>
      <div className="flex min-w-0 flex-1 flex-col bg-panel">
        {isDiff ? (
          code.has_diff ? (
            <Shown run={run} path={null} />
          ) : (
            <Remark>{code.problem ? "There is nothing to show." : "Choose a file."}</Remark>
          )
        ) : (
          <Shown run={run} path={shown} />
        )}
      </div>
    </div>
  );
}

function LeftOut({ code }: { code: CodePage }) {
  if (code.left_out.length + code.deleted.length === 0) return null;
  return (
    <details className="max-h-56 shrink-0 overflow-auto border-t border-line p-2">
      <summary>
        {count(code.left_out.length, "file")} not stored
        {code.deleted.length > 0 && `, ${code.deleted.length} deleted`}
      </summary>
      <ul className="mt-1 text-xs">
        {code.left_out.map((one) => (
          <li key={one.path} className="py-0.5 break-all">
            {one.path} <span className="text-muted">{REASONS[one.reason] ?? one.reason}</span>
            {one.size !== null && <Chip>{size(one.size)}</Chip>}
          </li>
        ))}
        {code.deleted.map((path) => (
          <li key={path} className="py-0.5 break-all line-through">
            {path}
          </li>
        ))}
      </ul>
    </details>
  );
}

function Shown({ run, path }: { run: string; path: string | null }) {
  const found = useCodeText(run, path);
  if (found.isPending) return <Waiting />;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  const { text, problem, is_cut: isCut } = found.data;
  if (text === null) return <Remark>{problem ?? "There is nothing to show."}</Remark>;
  return (
    <>
      <div className="flex items-center gap-2 border-b border-line px-3 py-1">
        <span className="min-w-0 truncate font-medium">{path ?? "Uncommitted changes"}</span>
        <span className="text-muted">{size(found.data.size)}</span>
        {isCut && <Chip>only the beginning is shown</Chip>}
        <span className="ml-auto">
          <CopyButton text={text} what={path === null ? "Copy as a patch" : "Copy"} />
        </span>
      </div>
      {path === null ? <DiffView text={text} /> : <TextView key={path} text={text} label={path} />}
    </>
  );
}
