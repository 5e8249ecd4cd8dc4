/** A panel with a chart of lines: one or several metrics of the runs of the board. */

import { useMemo, useState } from "react";

import { bandsShown, legendOf, type Line } from "../plot/drawing";
import { COLOURS } from "../plot/palette";
import { Plot } from "../plot/Plot";
import { PlotTable } from "../plot/PlotTable";
import { seriesId } from "../plot/series";
import { toldOf } from "../plot/words";
import { useTheme } from "../shell/theme";
import { Button } from "../ui";
import { useHeld } from "./data";
import type { SeriesLoader } from "./loader";
import { PanelFrame, Tool } from "./PanelFrame";
import type { ChartSettings } from "./settings";
import { SettingsPopover } from "./SettingsPopover";

/** A run as panels know it. */
export interface PanelRun {
  runId: string;
  name: string;
  /** Runs of one group may be drawn as one line. */
  group?: string | null;
}

export interface LinesPanelProps {
  /** The id under which the loader has its data. */
  id: string;
  title: string;
  keys: readonly string[];
  runs: readonly PanelRun[];
  settings: ChartSettings;
  loader: SeriesLoader;
  board: string;
  isPinned?: boolean;
  onChange: (changes: Partial<ChartSettings>) => void;
  onAll?: () => void;
  onPin?: () => void;
  onFull?: () => void;
  onRemove?: () => void;
  onReport?: (() => void) | undefined;
  /** Which runs are drawn is not known yet. */
  isWaiting?: boolean;
  /** Something around it shows the title. */
  isTitled?: boolean;
}

export function LinesPanel(props: LinesPanelProps) {
  const { id, title, keys, runs, settings, loader, onChange } = props;
  const held = useHeld(loader, id);
  const [hasTable, setTable] = useState(false);
  const lines = useMemo(() => linesOf(held.data?.series, runs, keys), [held.data, runs, keys]);
  const { axis, range } = settings;
  const told = held.data;
  // Without runs nothing is asked for, so nothing will come.
  const isLoading = runs.length === 0 ? (props.isWaiting ?? false) : held.isLoading;
  if (held.error !== null && lines.length === 0)
    return (
      <PanelFrame title={title}>
        <div role="alert" className="flex h-full flex-col items-center justify-center gap-2 p-3">
          <p className="text-bad">
            {held.error instanceof Error ? held.error.message : String(held.error)}
          </p>
          <Button onClick={loader.retry}>Try again</Button>
        </div>
      </PanelFrame>
    );
  const words = toldOf(
    lines.length,
    told?.points ?? 0,
    told?.width ?? 1,
    told?.isExact ?? true,
    axis,
    bandsShown(lines.length, settings),
    keys.length === 1 && legendOf(lines, settings).length > 0,
  );
  return (
    <PanelFrame
      title={title}
      isTitled={props.isTitled ?? false}
      told={lines.length ? words : undefined}
      foot={
        <>
          {isLoading && <span role="status">loading …</span>}
          {keys.length === 1 && <Legend lines={lines} settings={settings} />}
          {range && (
            <button
              type="button"
              className="rounded bg-chosen px-1.5 text-text"
              onClick={() => onChange({ range: null })}
            >
              zoomed: reset
            </button>
          )}
        </>
      }
      tools={
        <>
          {props.onPin && (
            <Tool
              sign={props.isPinned ? "★" : "☆"}
              name={props.isPinned ? `Unpin ${title}` : `Pin ${title} to the top`}
              isOn={props.isPinned ?? false}
              onClick={props.onPin}
            />
          )}
          <Tool sign="≡" name={`Data of ${title} as a table`} onClick={() => setTable(true)} />
          {props.onFull && (
            <Tool sign="⤢" name={`${title} in full screen`} onClick={props.onFull} />
          )}
          <SettingsPopover
            settings={settings}
            onChange={onChange}
            onAll={props.onAll}
            trigger={
              <button
                type="button"
                title={`How ${title} is shown`}
                aria-label={`How ${title} is shown`}
                className="flex h-6 w-6 items-center justify-center rounded text-sm text-muted hover:bg-raised hover:text-text"
              >
                <span aria-hidden="true">⚙</span>
              </button>
            }
          />
          {props.onReport && (
            <Tool sign="❏" name={`Add ${title} to a report`} onClick={props.onReport} />
          )}
          {props.onRemove && <Tool sign="✕" name={`Remove ${title}`} onClick={props.onRemove} />}
        </>
      }
    >
      <Plot
        title={title}
        lines={lines}
        axis={axis}
        settings={settings}
        range={range}
        onRange={(wanted) => onChange({ range: wanted })}
        board={props.board}
        told={told}
        waiting={
          isLoading
            ? "Loading …"
            : runs.length === 0
              ? "No run is shown."
              : "None of the runs shown has points here."
        }
      />
      {hasTable && (
        <PlotTable title={title} lines={lines} axis={axis} onClose={() => setTable(false)} />
      )}
    </PanelFrame>
  );
}

function Legend({ lines, settings }: { lines: readonly Line[]; settings: ChartSettings }) {
  const { shown: shade } = useTheme();
  return legendOf(lines, settings).map(({ label, colour }) => (
    <span key={label} className="flex min-w-0 items-center gap-1" title={label}>
      <span
        aria-hidden="true"
        className="h-2 w-2 shrink-0 rounded-full"
        style={{ background: COLOURS[shade][colour] }}
      />
      <span className="truncate">{label}</span>
    </span>
  ));
}

/** The series of the runs that are shown, in their order. */
export function linesOf(
  series: ReadonlyMap<string, Line["series"]> | undefined,
  runs: readonly PanelRun[],
  keys: readonly string[],
): Line[] {
  const found: Line[] = [];
  if (series === undefined) return found;
  for (const run of runs)
    for (const key of keys) {
      const one = series.get(seriesId(run.runId, key));
      if (one === undefined) continue;
      found.push({
        id: seriesId(run.runId, key),
        colourBy: run.runId,
        label: keys.length > 1 ? `${run.name} · ${key}` : run.name,
        group: run.group ?? null,
        series: one,
      });
    }
  return found;
}
