/** Choosing a metric of the runs by its name; those that hold what is typed are offered. */

import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useId, useState } from "react";

import { askSheet, COMPARED, type RunsWanted } from "../../api/compare";
import { cx } from "../../ui";

/** Give it the metric as its `key`, so that it begins anew with another one. */
export function MetricChoice(props: {
  metric: string;
  of: RunsWanted;
  label?: string;
  className?: string;
  onChoose: (key: string) => void;
}) {
  const { metric, of, onChoose, label = "a metric, such as val/acc" } = props;
  const id = useId();
  const [text, setText] = useState(metric);
  // Names are looked for only when somebody is about to choose: of many runs that takes a while.
  const [isWanted, setWanted] = useState(false);
  const search = useDeferredValue(text === metric ? "" : text);
  const offered = useQuery({
    queryKey: [COMPARED, "metric names", of, search],
    enabled: isWanted,
    queryFn: async ({ signal }) => {
      const asked = { of, family: "metrics" as const, rows: { ...EVERY, search }, target: NONE };
      const window = { offset: 0, limit: 50, column_offset: 0, column_limit: 0 };
      return (await askSheet(asked, window, signal)).rows.map((row) => row.key);
    },
    staleTime: 60_000,
  });
  const names = offered.data ?? [];
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onChoose(text.trim());
      }}
    >
      <input
        aria-label="Metric"
        placeholder={label}
        list={id}
        onFocus={() => setWanted(true)}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          if (names.includes(event.target.value)) onChoose(event.target.value);
        }}
        onBlur={() => text.trim() !== metric && onChoose(text.trim())}
        className={cx("h-7 rounded border border-line bg-ground px-2", props.className ?? "w-60")}
      />
      <datalist id={id}>
        {names.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </form>
  );
}

const NONE = { metric: "", take: "last" as const, less: false };
const EVERY = {
  is_all: true,
  ignore: [],
  order: "key" as const,
  is_tree: false,
  closed: [],
  baseline: null,
  take: "last" as const,
  less: [],
  more: [],
};
