/** What holds for all charts of a board: finding metrics, settings, adding panels. */

import type { ReactNode } from "react";

import type { Axis } from "../plot/series";
import type { Smoothing } from "../plot/smooth";
import { SMOOTHINGS } from "../plot/smooth";
import { AXES } from "../plot/words";
import { Button } from "../ui";
import { USUAL, type Board, type ChartSettings } from "./settings";
import { SettingsPopover, smoothingOf } from "./SettingsPopover";

const field = "h-7 rounded border border-line bg-panel px-1";

export function Toolbar({
  board,
  search,
  onSearch,
  onChange,
  onReset,
  add,
}: {
  board: Board;
  search: string;
  onSearch: (text: string) => void;
  onChange: (changes: Partial<ChartSettings>) => void;
  onReset: () => void;
  add: ReactNode;
}) {
  const settings = { ...USUAL, ...board.all };
  const isChanged = Object.keys(board.all).length + Object.keys(board.one).length > 0;
  return (
    <div
      role="toolbar"
      aria-label="All charts"
      className="flex flex-wrap items-center gap-2 px-2.5 py-1.5"
    >
      <input
        type="search"
        aria-label="Find a metric"
        placeholder="Find a metric"
        value={search}
        onChange={(event) => onSearch(event.target.value)}
        className="h-7 w-48 min-w-0 flex-1 rounded border border-line bg-panel px-2"
      />
      <select
        aria-label="X axis of all charts"
        className={field}
        value={settings.axis}
        onChange={(event) => onChange({ axis: event.target.value as Axis, range: null })}
      >
        {AXES.map(({ axis, label }) => (
          <option key={axis} value={axis}>
            {label}
          </option>
        ))}
      </select>
      <select
        aria-label="Smoothing of all charts"
        className={field}
        value={settings.smoothing}
        onChange={(event) => onChange(smoothingOf(event.target.value as Smoothing))}
      >
        {SMOOTHINGS.map(({ kind, label }) => (
          <option key={kind} value={kind}>
            {kind === "none" ? "No smoothing" : label}
          </option>
        ))}
      </select>
      <SettingsPopover
        settings={settings}
        onChange={onChange}
        trigger={<Button aria-label="How all charts are shown">⚙ All charts</Button>}
      />
      {isChanged && (
        <Button look="quiet" onClick={onReset}>
          As usual
        </Button>
      )}
      {add}
    </div>
  );
}
