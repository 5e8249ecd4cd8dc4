/** Above the spans: which view, search with next and previous, the critical path, what colours mean. */

import { Button, cx } from "../../ui";
import { useTheme } from "../../shell/theme";
import { count } from "../../ui/format";
import { SearchBox } from "../../ui/parts";
import { shown, type BarColours } from "./colours";

export const VIEWS = [
  ["waterfall", "Waterfall"],
  ["table", "Table"],
  ["log", "Log"],
] as const;

export type View = (typeof VIEWS)[number][0];

const KINDS_SHOWN = 6;

export interface BarProps {
  view: View;
  onView: (view: View) => void;
  searchRef: React.RefObject<HTMLInputElement | null>;
  found: string;
  onFound: (text: string) => void;
  matches: number;
  at: number;
  isSearching: boolean;
  onStep: (by: 1 | -1) => void;
  isPathOnly: boolean;
  onPathOnly: (is: boolean) => void;
  errors: number;
  onError: () => void;
  isZoomed: boolean;
  onWhole: () => void;
  onFold: (isFolded: boolean) => void;
  colours: BarColours;
}

export function Bar({ searchRef, ...props }: BarProps) {
  const { view, matches, at } = props;
  return (
    <div className="flex shrink-0 flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-panel px-3 py-1">
      <span role="group" aria-label="How spans are shown" className="flex">
        {VIEWS.map(([id, label], place) => (
          <button
            key={id}
            type="button"
            aria-pressed={view === id}
            title={`Key ${place + 1}`}
            onClick={() => props.onView(id)}
            className={cx(
              "h-7 border border-l-0 border-line px-2 first:rounded-l first:border-l last:rounded-r",
              view === id ? "bg-chosen font-medium" : "hover:bg-raised",
            )}
          >
            {label}
          </button>
        ))}
      </span>
      <span
        className="flex items-center gap-1"
        onKeyDown={(event) => {
          if (event.key !== "Enter" && event.key !== "Escape") return;
          event.preventDefault();
          event.stopPropagation();
          if (event.key === "Enter") props.onStep(event.shiftKey ? -1 : 1);
          else searchRef.current?.blur();
        }}
      >
        <SearchBox
          ref={searchRef}
          label="Find in spans and their values"
          value={props.found}
          onChange={props.onFound}
          className="w-56"
        />
        {props.found && (
          <>
            <span aria-live="polite" className="text-muted tabular-nums">
              {props.isSearching && matches === 0
                ? "…"
                : matches === 0
                  ? "none"
                  : `${at >= 0 ? (at + 1).toLocaleString("en") : "–"} of ${matches.toLocaleString("en")}`}
            </span>
            <Button
              look="quiet"
              onClick={() => props.onStep(-1)}
              disabled={matches === 0}
              aria-label="Match before"
              title="⇧ n"
            >
              ↑
            </Button>
            <Button
              look="quiet"
              onClick={() => props.onStep(1)}
              disabled={matches === 0}
              aria-label="Next match"
              title="n"
            >
              ↓
            </Button>
          </>
        )}
      </span>
      {view !== "log" && (
        <>
          <label className="flex items-center gap-1" title="Key c">
            <input
              type="checkbox"
              checked={props.isPathOnly}
              onChange={(event) => props.onPathOnly(event.target.checked)}
            />
            Critical path only
          </label>
          <Button look="quiet" onClick={() => props.onFold(true)} title="Key x">
            Collapse
          </Button>
          <Button look="quiet" onClick={() => props.onFold(false)} title="Key ⇧ x">
            Expand
          </Button>
        </>
      )}
      {props.errors > 0 && (
        <Button look="quiet" className="text-bad" onClick={props.onError} title="Key e">
          ✕ Next of {count(props.errors, "error")}
        </Button>
      )}
      {props.isZoomed && view === "waterfall" && (
        <Button onClick={props.onWhole} title="Key 0">
          Whole time
        </Button>
      )}
      {view === "waterfall" && <Legend colours={props.colours} />}
    </div>
  );
}

function Legend({ colours }: { colours: BarColours }) {
  const { shown: shade } = useTheme();
  return (
    <ul aria-label="Colours" className="ml-auto flex flex-wrap items-center gap-x-3 text-xs">
      {colours.kinds.slice(0, KINDS_SHOWN).map((kind) => (
        <li key={kind.name} className="flex items-center gap-1">
          <span
            aria-hidden="true"
            className="h-2.5 w-2.5 rounded-sm"
            style={{ background: shown(kind.colour, shade) }}
          />
          {kind.name.toLowerCase()}
          <span className="text-muted tabular-nums">{kind.count.toLocaleString("en")}</span>
        </li>
      ))}
      <li className="flex items-center gap-1 text-muted">
        <span aria-hidden="true" className="h-0.5 w-3 bg-text" />
        critical path
      </li>
    </ul>
  );
}
