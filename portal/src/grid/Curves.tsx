/** The curves that stand in cells: asked for the rows in sight, all columns in one request. */

import { useEffect, useMemo } from "react";

import { useLoader } from "../panels/data";
import type { SeriesLoader } from "../panels/loader";
import { curveId } from "./Curve";
import type { RowStore } from "./RowStore";

/** As many buckets as a narrow column has room for. */
const BUCKETS = 60;
const SETTLE_MS = 120;

interface CurvesProps {
  store: RowStore;
  version: number;
  /** The metrics that are shown as curves. */
  metrics: readonly string[];
  first: number;
  last: number;
  topics: readonly string[];
  /** Told what has the curves, which cells draw. */
  onLoader: (loader: SeriesLoader) => void;
}

/** Draws nothing itself; it is there while a column of curves is. */
export default function Curves(props: CurvesProps) {
  const { store, version, first, last, topics, onLoader } = props;
  const loader = useLoader(topics, BUCKETS);
  useEffect(() => onLoader(loader), [loader, onLoader]);
  const keys = props.metrics.join("\n");
  const runs = useMemo(() => {
    const found: string[] = [];
    for (let index = first; index <= last; index++) {
      const row = store.rowAt(index);
      if (row.kind === "run") found.push(row.id);
    }
    return found.join("\n");
    // eslint-disable-next-line react-hooks/exhaustive-deps -- rows differ where the version does
  }, [store, version, first, last]);
  useEffect(() => {
    const metrics = runs ? keys.split("\n") : [];
    loader.show(
      metrics.map((metric) => ({
        id: curveId(metric),
        runs: runs.split("\n"),
        keys: [metric],
        axis: "step",
        lower: null,
        upper: null,
        hasMeans: false,
      })),
      SETTLE_MS,
    );
  }, [loader, keys, runs]);
  return null;
}
