/** Facets beside the list: the values there are, how many traces each has, and which are chosen. */

import { useState } from "react";

import type { TraceOverview } from "../../api/traces";
import { cx } from "../../ui";
import { FACETS, type Choices, type FacetName } from "./state";

const SHOWN = 8;
const NOTHING: Partial<Record<FacetName, string>> = {
  model: "no model",
  user: "no user",
  session: "no session",
  name: "no name",
};

export function Facets({
  overview,
  choices,
  experiments,
  onChoose,
}: {
  overview: TraceOverview | undefined;
  choices: Choices;
  /** Names of experiments by id. */
  experiments: ReadonlyMap<string, string>;
  onChoose: (facet: FacetName, values: readonly string[]) => void;
}) {
  return (
    <aside
      aria-label="Narrow down"
      tabIndex={0}
      className="w-60 shrink-0 overflow-auto border-r border-line bg-panel py-1"
    >
      {FACETS.map(([name, label]) => (
        <Facet
          key={name}
          label={label}
          found={overview?.facets[name]}
          chosen={choices[name] ?? []}
          wordOf={(value) =>
            value === ""
              ? (NOTHING[name] ?? "none")
              : name === "experiment"
                ? (experiments.get(value) ?? value)
                : name === "status"
                  ? value.toLowerCase().replace("_", " ")
                  : value
          }
          onChoose={(values) => onChoose(name, values)}
        />
      ))}
    </aside>
  );
}

function Facet({
  label,
  found,
  chosen,
  wordOf,
  onChoose,
}: {
  label: string;
  found: TraceOverview["facets"][string] | undefined;
  chosen: readonly string[];
  wordOf: (value: string) => string;
  onChoose: (values: readonly string[]) => void;
}) {
  const [isWhole, setWhole] = useState(false);
  const [wanted, setWanted] = useState("");
  const known = found?.values ?? [];
  const missing = chosen.filter((value) => known.every((one) => one.value !== value));
  const all = [...missing.map((value) => ({ value, traces: 0, errors: 0 })), ...known];
  if (all.length === 0 || (known.length === 1 && known[0]?.value === "" && chosen.length === 0))
    return null;
  const matching = all.filter((one) =>
    wordOf(one.value).toLowerCase().includes(wanted.toLowerCase()),
  );
  const shown = isWhole ? matching : matching.slice(0, SHOWN);
  const most = known[0]?.traces ?? 1;
  return (
    <fieldset className="mb-1 min-w-0 border-b border-line px-3 pt-1 pb-2 last:border-0">
      <legend className="flex w-full items-baseline pt-1 text-xs font-semibold text-muted">
        {label}
        {found && found.total > 1 && (
          <span className="ml-1 font-normal tabular-nums">{found.total.toLocaleString("en")}</span>
        )}
        {chosen.length > 0 && (
          <button
            type="button"
            onClick={() => onChoose([])}
            aria-label={`all, any ${label.toLowerCase()}`}
            className="ml-auto font-normal text-accent hover:underline"
          >
            all
          </button>
        )}
      </legend>
      {isWhole && all.length > SHOWN && (
        <input
          type="search"
          aria-label={`Find a value of ${label.toLowerCase()}`}
          placeholder="Find"
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
          className="my-1 h-6 w-full rounded border border-line bg-ground px-2 text-xs"
        />
      )}
      <ul>
        {shown.map((one) => {
          const isChosen = chosen.includes(one.value);
          return (
            <li key={one.value}>
              <label
                className={cx(
                  "relative flex cursor-pointer items-center gap-1.5 rounded px-1 py-px hover:bg-raised",
                  isChosen && "bg-chosen",
                )}
                title={wordOf(one.value)}
              >
                <span
                  aria-hidden="true"
                  className="absolute bottom-0 left-0 h-0.5 bg-accent/50"
                  style={{ width: `${(one.traces / most) * 100}%` }}
                />
                <input
                  type="checkbox"
                  checked={isChosen}
                  onChange={() =>
                    onChoose(
                      isChosen
                        ? chosen.filter((value) => value !== one.value)
                        : [...chosen, one.value],
                    )
                  }
                />
                <bdi className={cx("min-w-0 truncate", one.value === "" && "text-muted")}>
                  {wordOf(one.value)}
                </bdi>
                <span className="ml-auto shrink-0 text-xs text-muted tabular-nums">
                  {one.traces.toLocaleString("en")}
                </span>
              </label>
            </li>
          );
        })}
      </ul>
      {all.length > SHOWN && (
        <button
          type="button"
          onClick={() => setWhole(!isWhole)}
          className="mt-0.5 px-1 text-xs text-accent hover:underline"
        >
          {isWhole ? "Fewer" : `${(all.length - SHOWN).toLocaleString("en")} more`}
        </button>
      )}
      {isWhole && found && found.total > known.length && (
        <p className="px-1 text-xs text-muted">
          The {known.length} most frequent ones; the filter finds others.
        </p>
      )}
    </fieldset>
  );
}
