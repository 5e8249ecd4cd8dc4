/** How one chart, or all of a board, are shown; each setting names its key. */

import { Popover } from "radix-ui";
import type { ReactNode } from "react";

import { SMOOTHINGS } from "../plot/smooth";
import { Button, Keys } from "../ui";
import { PopoverBox } from "../ui/PopoverBox";
import { AxisChoice, FIELD, SmoothingChoice } from "./Choices";
import type { ChartSettings } from "./settings";

const GROUPINGS: readonly { value: ChartSettings["grouping"]; label: string }[] = [
  { value: "none", label: "Each run" },
  { value: "mean", label: "Mean of each group" },
  { value: "minmax", label: "Mean, least to greatest" },
  { value: "std", label: "Mean ± standard deviation" },
  { value: "stderr", label: "Mean ± standard error" },
];

export function SettingsPopover({
  settings,
  onChange,
  onAll,
  trigger,
}: {
  settings: ChartSettings;
  onChange: (changes: Partial<ChartSettings>) => void;
  /** Make these settings those of all charts; not offered where they are. */
  onAll?: (() => void) | undefined;
  trigger: ReactNode;
}) {
  const smoothing = SMOOTHINGS.find((one) => one.kind === settings.smoothing)!;
  const flag = (name: "isLogX" | "isLogY" | "isClipped" | "hasBands", text: string, key = "") => (
    <label className="flex items-center gap-2">
      <input
        type="checkbox"
        checked={settings[name]}
        onChange={(event) => onChange({ [name]: event.target.checked })}
      />
      <span className="flex-1">{text}</span>
      {key && <Keys of={key} />}
    </label>
  );
  return (
    <Popover.Root>
      <Popover.Trigger asChild>{trigger}</Popover.Trigger>
      <PopoverBox
        align="end"
        aria-label="How charts are shown"
        className="flex w-80 flex-col gap-2 p-3"
      >
        <Row text="X axis" keys="a">
          <AxisChoice settings={settings} onChange={onChange} className="w-44" />
        </Row>
        <Row text="Smoothing" keys="s">
          <SmoothingChoice settings={settings} onChange={onChange} className="w-44" />
        </Row>
        {smoothing.most > 0 && (
          <Row text={`Amount: ${settings.amount}`}>
            <input
              type="range"
              className="w-44"
              min={0}
              max={smoothing.most}
              step={smoothing.step}
              value={settings.amount}
              onChange={(event) => onChange({ amount: Number(event.target.value) })}
            />
          </Row>
        )}
        {flag("isLogY", "Logarithmic y", "l")}
        {flag("isLogX", "Logarithmic x")}
        {flag("isClipped", "Leave out outliers (p1 to p99)", "o")}
        {flag("hasBands", "Bands from least to greatest", "b")}
        <Row text="Lines">
          <select
            className={`${FIELD} w-44`}
            value={settings.grouping}
            onChange={(event) =>
              onChange({ grouping: event.target.value as ChartSettings["grouping"] })
            }
          >
            {GROUPINGS.map(({ value, label }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </Row>
        <div className="flex gap-2 pt-1">
          <Button disabled={settings.range === null} onClick={() => onChange({ range: null })}>
            Reset zoom <Keys of="r" />
          </Button>
          {onAll && <Button onClick={onAll}>Use for all</Button>}
        </div>
      </PopoverBox>
    </Popover.Root>
  );
}

function Row({ text, keys, children }: { text: string; keys?: string; children: ReactNode }) {
  return (
    <label className="flex items-center gap-2">
      <span className="flex-1">{text}</span>
      {children}
      {keys && <Keys of={keys} />}
    </label>
  );
}
