/** A metric's whole course in a cell: its last values, as a line without axes. */

import { useHeld } from "../panels/data";
import type { SeriesLoader } from "../panels/loader";
import { seriesId, type BucketSeries } from "../plot/series";
import { number } from "../ui/format";

const WIDTH = 100;
const HEIGHT = 20;

/** What a loader knows the curves of a metric by. */
export const curveId = (metric: string): string => `curve ${metric}`;

export default function Curve(props: {
  loader: SeriesLoader;
  run: string;
  metric: string;
  colour: string;
}) {
  const { loader, run, metric, colour } = props;
  const held = useHeld(loader, curveId(metric));
  const series = held.data?.series.get(seriesId(run, metric));
  const path = series && pathOf(series);
  if (!series || !path)
    return held.isLoading ? (
      <span className="inline-block h-px w-full bg-raised align-middle" />
    ) : (
      <span className="text-muted/60">–</span>
    );
  const ends = [series.last[0], series.last.at(-1)].map((value) => number(value ?? NaN));
  return (
    <svg
      role="img"
      aria-label={`from ${ends[0]} to ${ends[1]}`}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      className="my-1 block h-[19px] w-full overflow-visible"
    >
      <path
        d={path}
        fill="none"
        stroke={colour}
        strokeWidth="1.5"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}

/** The line through the last values of all buckets; empty where there are fewer than two. */
export function pathOf({ x, last }: Pick<BucketSeries, "x" | "last">): string {
  const at = [...last.keys()].filter((i) => Number.isFinite(last[i]));
  if (at.length < 2) return "";
  const values = at.map((i) => last[i]!);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const [from, to] = [x[at[0]!]!, x[at.at(-1)!]!];
  return at
    .map((i, place) => {
      const across = (WIDTH * (x[i]! - from)) / (to - from || 1);
      // A metric that never changes is a line at half the height.
      const up = high > low ? (last[i]! - low) / (high - low) : 0.5;
      return `${place ? "L" : "M"}${across.toFixed(1)} ${(HEIGHT * (1 - up)).toFixed(1)}`;
    })
    .join("");
}
