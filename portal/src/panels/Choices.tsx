/** Choosing the x axis and the smoothing: of one chart, or of all of a board. */

import { SMOOTHINGS, type Smoothing } from "../plot/smooth";
import type { Axis } from "../plot/series";
import { AXES } from "../plot/words";
import { cx } from "../ui";
import { smoothingOf, type ChartSettings } from "./settings";

interface Choice {
  settings: ChartSettings;
  onChange: (changes: Partial<ChartSettings>) => void;
  /** Its name, where no label is beside it. */
  label?: string;
  className?: string;
}

export const FIELD = "h-7 rounded border border-line bg-panel px-1";

export function AxisChoice({ settings, onChange, label, className }: Choice) {
  return (
    <select
      aria-label={label}
      className={cx(FIELD, className)}
      value={settings.axis}
      onChange={(event) => onChange({ axis: event.target.value as Axis, range: null })}
    >
      {AXES.map(({ axis, label }) => (
        <option key={axis} value={axis}>
          {label}
        </option>
      ))}
    </select>
  );
}

export function SmoothingChoice({ settings, onChange, label, className }: Choice) {
  return (
    <select
      aria-label={label}
      className={cx(FIELD, className)}
      value={settings.smoothing}
      onChange={(event) => onChange(smoothingOf(event.target.value as Smoothing))}
    >
      {SMOOTHINGS.map(({ kind, label }) => (
        <option key={kind} value={kind}>
          {label}
        </option>
      ))}
    </select>
  );
}
