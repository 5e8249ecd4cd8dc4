/**
 * The text of a report with its panels, each of which exists once it has been near the screen.
 *
 * In an editor, panels can be pinned, made live again, changed and removed.
 */

import { lazy, memo, Suspense, useEffect, useMemo, useRef, useState } from "react";

import { usePin } from "../api/reports";
import { Button, Waiting } from "../ui";
import { when } from "../ui/format";
import { canPin } from "./answers";
import { blocksOf, type Block } from "./blocks";
import type { ReportPanel } from "./panel";
import { Blank, PanelView } from "./PanelView";

const Markdown = lazy(() => import("../ui/Markdown"));

/** What an editor can do with a panel. */
export interface PanelActs {
  pin: (block: Block, panel: ReportPanel) => Promise<void>;
  unpin: (block: Block, panel: ReportPanel) => void;
  change: (block: Block, panel: ReportPanel | null) => void;
  remove: (block: Block) => void;
}

export function ReportBody({
  body,
  isWhole = false,
  acts,
}: {
  body: string;
  /** Whether all panels must exist, as for print and export. */
  isWhole?: boolean;
  acts?: PanelActs | undefined;
}) {
  const blocks = useMemo(() => blocksOf(body), [body]);
  return (
    <div className="flex flex-col gap-2">
      <h2 className="sr-only">Text of the report</h2>
      {blocks.map((block, index) =>
        block.kind === "text" ? (
          <Suspense key={`text ${index}`} fallback={<p className="p-3">{block.text}</p>}>
            <Written text={block.text} />
          </Suspense>
        ) : (
          <Mounted key={`panel ${index} ${block.text}`} isOn={isWhole}>
            <Figure block={block} acts={acts} />
          </Mounted>
        ),
      )}
    </div>
  );
}

const Written = memo(({ text }: { text: string }) => <Markdown text={text} below={1} />);
Written.displayName = "Written";

const NEAR = "600px";
const EMPTY_PX = 352;

/** What is in it exists from when it was near the screen. */
function Mounted({ isOn, children }: { isOn: boolean; children: React.ReactNode }) {
  const place = useRef<HTMLDivElement>(null);
  const [isSeen, setSeen] = useState(false);
  useEffect(() => {
    const watcher = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting) setSeen(true);
      },
      { rootMargin: NEAR },
    );
    if (place.current) watcher.observe(place.current);
    return () => watcher.disconnect();
  }, []);
  const isThere = isOn || isSeen;
  return (
    <div ref={place} style={isThere ? undefined : { height: EMPTY_PX }}>
      {isThere && children}
    </div>
  );
}

type PanelBlock = Extract<Block, { kind: "panel" }>;

function Figure({ block, acts }: { block: PanelBlock; acts?: PanelActs | undefined }) {
  const [isBusy, setBusy] = useState(false);
  const { read } = block;
  const panel = "panel" in read ? read.panel : null;
  return (
    <figure
      data-report-panel={block.from}
      className="break-inside-avoid px-3 print:[&_button]:hidden"
    >
      {panel ? (
        <PanelView panel={panel} />
      ) : (
        <Blank title="This panel cannot be shown">
          <p role="alert" className="text-bad">
            {"error" in read && read.error}
          </p>
          <pre className="max-h-40 max-w-full overflow-auto rounded bg-raised p-2 text-xs">
            {block.text.slice(0, 2_000)}
          </pre>
        </Blank>
      )}
      <figcaption className="flex flex-wrap items-center gap-1 pt-0.5 text-xs text-muted">
        {panel && <Since pin={panel.pin} />}
        {acts && (
          <span role="group" aria-label="With this panel" className="ml-auto flex gap-1">
            {isBusy && <Waiting what="Pinning" />}
            {panel?.pin !== undefined ? (
              <Button look="quiet" className="h-6" onClick={() => acts.unpin(block, panel)}>
                Make live
              </Button>
            ) : (
              panel &&
              canPin(panel) && (
                <Button
                  look="quiet"
                  className="h-6"
                  disabled={isBusy}
                  title="Keep its data as it is now, whatever becomes of the runs"
                  onClick={() => {
                    setBusy(true);
                    void acts.pin(block, panel).finally(() => setBusy(false));
                  }}
                >
                  Pin
                </Button>
              )
            )}
            <Button look="quiet" className="h-6" onClick={() => acts.change(block, panel)}>
              Change …
            </Button>
            <Button look="quiet" className="h-6" onClick={() => acts.remove(block)}>
              Remove
            </Button>
          </span>
        )}
      </figcaption>
    </figure>
  );
}

/** Of when the data is. */
function Since({ pin }: { pin: string | undefined }) {
  const found = usePin(pin);
  if (pin === undefined) return <span>live: as it is now</span>;
  if (found.data === undefined) return <span>pinned</span>;
  const { pinned_at_us: at, pinned_by: by } = found.data;
  return (
    <span>
      pinned {when(at / 1_000)} by {by}
    </span>
  );
}
