/** One report: to read, to edit (`?edit=1`), or as it was (`?version=3`). */

import { useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams, useRouter, useSearch } from "@tanstack/react-router";
import { DropdownMenu } from "radix-ui";
import { lazy, Suspense, useMemo, useRef, useState } from "react";
import { flushSync } from "react-dom";

import { ApiError } from "../../api/client";
import {
  deleteReport,
  publishReport,
  reportKey,
  restoreReport,
  useReport,
  type ReportText,
} from "../../api/reports";
import { useLatest } from "../../grid/latest";
import { Editors } from "../../reports/Editors";
import { download, exported, loadedWithin, onPaper } from "../../reports/exported";
import { ReportBody } from "../../reports/ReportBody";
import { Versions } from "../../reports/Versions";
import type { Search } from "../../router";
import { useKeys, type Key } from "../../shell/keys";
import { useTheme } from "../../shell/theme";
import { Button, Empty, Failure, Keys, Waiting } from "../../ui";
import { ago, when } from "../../ui/format";
import { copyLink } from "../../views/share";
import { Told } from "../../views/Told";
import type { Told as Words } from "../../views/useViewActs";
import { State } from "./Reports";

const Editor = lazy(async () => ({ default: (await import("../../reports/Editor")).Editor }));
const Discussion = lazy(() => import("../../discussion/Discussion"));

export default function ReportPage() {
  const { report: id = "" } = useParams({ strict: false }) as { report?: string };
  const search: Search = useSearch({ strict: false });
  const navigate = useNavigate();
  const version = Math.floor(Number(search["version"])) || undefined;
  const isEdited = search["edit"] === "1";
  const found = useReport(id, isEdited ? undefined : version);
  const set = (changes: Search) =>
    void navigate({ to: ".", search: (old: Search) => ({ ...old, ...changes }) });
  if (found.isPending) return <Waiting what="Opening the report" />;
  if (found.isError)
    return found.error instanceof ApiError && found.error.status === 404 ? (
      <Empty title="There is no such report">
        It may be a draft of somebody else, be deleted, or show experiments that you may not read.
      </Empty>
    ) : (
      <Failure error={found.error} onRetry={() => void found.refetch()} />
    );
  if (isEdited && found.data.report.may_change)
    return (
      <Suspense fallback={<Waiting what="Opening the editor" />}>
        <Editor
          key={id}
          loaded={found.data}
          onDone={() => set({ edit: undefined, version: undefined })}
        />
      </Suspense>
    );
  return <Reader key={`${id} ${version ?? ""}`} text={found.data} set={set} />;
}

function Reader({ text, set }: { text: ReportText; set: (changes: Search) => void }) {
  const { report, shown } = text;
  const id = report.report_id;
  const client = useQueryClient();
  const { history } = useRouter();
  const { chosen } = useTheme();
  const article = useRef<HTMLElement>(null);
  const [told, say] = useState<Words | null>(null);
  const [isWhole, setWhole] = useState(false);
  const [dialog, setDialog] = useState<"versions" | "editors" | null>(null);
  const mayChange = report.may_change ?? false;
  const isNewest = shown === report.version;

  /** Do something, and say that it was done or why not. */
  async function attempt(act: () => Promise<unknown>, said: Words) {
    try {
      await act();
      say(said);
    } catch (error) {
      say({ text: error instanceof Error ? error.message : String(error), isError: true });
    }
    await client.invalidateQueries({ queryKey: reportKey(id) });
    await client.invalidateQueries({ queryKey: ["reports"] });
  }

  /** Everything on the page, in light colours, before it leaves the screen. */
  async function onWholePage(act: (root: HTMLElement) => Promise<void> | void) {
    flushSync(() => setWhole(true));
    const root = article.current;
    if (root === null) return;
    say({ text: "Loading all panels …" });
    await onPaper(chosen, async () => {
      await loadedWithin(root);
      say(null);
      await act(root);
    });
  }

  const about = `${report.owner}, version ${shown} of ${when(report.changed_at)}`;
  const save = () =>
    onWholePage(async (root) =>
      download(text.title, await exported({ title: text.title, about, body: text.body }, root)),
    );
  const print = () => onWholePage(() => window.print());
  const remove = () =>
    attempt(() => deleteReport(id), {
      text: `Deleted “${report.title}”.`,
      act: {
        label: "Undo",
        do: () => void attempt(() => restoreReport(id), { text: "The report is back." }),
      },
    });
  const latest = useLatest({
    edit: () => mayChange && set({ edit: "1" }),
    link: () =>
      void copyLink().then(
        (said) => say({ text: said }),
        (error: unknown) => say({ text: String(error), isError: true }),
      ),
    versions: () => mayChange && setDialog("versions"),
    print: () => void print(),
  });
  const keys = useMemo<Key[]>(
    () => [
      { keys: "e", does: "Edit the report", act: () => latest().edit() },
      { keys: "v", does: "Its versions", act: () => latest().versions() },
      { keys: "y", does: "Copy a link to it", act: () => latest().link() },
      { keys: "mod+p", does: "Print it", act: () => latest().print() },
    ],
    [latest],
  );
  useKeys("Report", keys);

  return (
    <div className="mx-auto max-w-5xl p-4 print:max-w-none print:p-0">
      <header className="mb-2 flex flex-wrap items-start gap-2">
        <div className="min-w-64 flex-1">
          <h1 dir="auto" className="text-xl font-semibold break-words">
            {text.title}
          </h1>
          <p className="flex flex-wrap items-center gap-1.5 text-muted">
            <span title={when(report.changed_at)}>
              {report.owner}
              {report.changed_by !== report.owner && `, last by ${report.changed_by}`},{" "}
              {ago(report.changed_at)}, version {shown}
            </span>
            <State report={report} />
          </p>
        </div>
        <div role="group" aria-label="With this report" className="flex gap-2 print:hidden">
          {mayChange && (
            <Button onClick={() => set({ edit: "1", version: undefined })}>
              Edit <Keys of="e" />
            </Button>
          )}
          {mayChange && report.published !== shown && (
            <Button
              look="main"
              onClick={() =>
                void attempt(() => publishReport(id, shown), {
                  text: `Version ${shown} is published: whoever may read what it shows reads it.`,
                })
              }
            >
              Publish {isNewest ? "" : `version ${shown}`}
            </Button>
          )}
          <More
            items={[
              ["Copy a link", () => latest().link()],
              ["Save as HTML", () => void save()],
              ["Print, or save as PDF", () => void print()],
              ...(mayChange
                ? ([
                    ["Versions …", () => setDialog("versions")],
                    ["Who may change it …", () => setDialog("editors")],
                    ...(report.published !== null
                      ? [
                          [
                            "Make it a draft again",
                            () =>
                              void attempt(() => publishReport(id, null), {
                                text: "Only its editors see it now.",
                              }),
                          ],
                        ]
                      : []),
                    ["Delete", () => void remove().then(() => history.push("/reports"))],
                  ] as Item[])
                : []),
            ]}
          />
        </div>
      </header>
      {!isNewest && mayChange && (
        <p className="mb-2 flex items-center gap-2 rounded bg-chosen px-3 py-1 print:hidden">
          This is version {shown}; the newest is {report.version}.
          <Button look="quiet" className="h-6" onClick={() => set({ version: undefined })}>
            Show the newest
          </Button>
        </p>
      )}
      <article ref={article} className="rounded border border-line bg-panel py-2 print:border-0">
        {text.body.trim() ? (
          <ReportBody body={text.body} isWhole={isWhole} />
        ) : (
          <Empty title="Nothing is written yet">
            {mayChange ? "Press e to write." : "Come back when its author has written something."}
          </Empty>
        )}
      </article>
      <section aria-label="Comments" className="mt-6 print:hidden">
        <Suspense fallback={<Waiting what="Loading the comments" />}>
          <Discussion of={{ kind: "report", id }} />
        </Suspense>
      </section>
      {dialog === "versions" && (
        <Versions
          report={report}
          onClose={() => setDialog(null)}
          onShow={(version) => {
            setDialog(null);
            set({ version: version === report.version ? undefined : String(version) });
          }}
        />
      )}
      {dialog === "editors" && (
        <Editors
          report={report}
          onClose={() => setDialog(null)}
          onDone={() => void client.invalidateQueries({ queryKey: reportKey(id) })}
        />
      )}
      <Told told={told} onHush={() => say(null)} />
    </div>
  );
}

type Item = [string, () => void];

function More({ items }: { items: readonly Item[] }) {
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger asChild>
        <Button aria-label="More to do with this report">⋯</Button>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align="end"
          className="z-50 min-w-52 rounded-md border border-line bg-panel p-1 shadow-lg"
        >
          {items.map(([text, act]) => (
            <DropdownMenu.Item
              key={text}
              onSelect={act}
              className="cursor-pointer rounded px-2 py-1 outline-none data-[highlighted]:bg-chosen"
            >
              {text}
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
