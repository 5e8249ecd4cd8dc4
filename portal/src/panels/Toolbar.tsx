/** What holds for all charts of a board: finding metrics, settings, adding panels. */

import type { ReactNode } from "react";

import { Button } from "../ui";
import { AxisChoice, SmoothingChoice } from "./Choices";
import { USUAL, type Board, type ChartSettings } from "./settings";
import { SettingsPopover } from "./SettingsPopover";

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
      <AxisChoice settings={settings} onChange={onChange} label="X axis of all charts" />
      <SmoothingChoice settings={settings} onChange={onChange} label="Smoothing of all charts" />
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
