/** What is compared stands still; this says how much was logged since, and shows it at a click. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { COMPARED, countPoints, type ComparedRuns, type RunsWanted } from "../../api/compare";
import { useTicks } from "../../api/live";
import { Button } from "../../ui";
import { count } from "../../ui/format";

/** Beyond so many runs, ticks are heard of their experiments. */
const RUN_TOPICS_MAX = 40;
/** To count the points of thousands of runs takes a while. */
const PAUSE_MS = 5_000;

export function NewPoints({ of, found }: { of: RunsWanted; found: ComparedRuns }) {
  const client = useQueryClient();
  const topics = useMemo(
    () =>
      found.total <= RUN_TOPICS_MAX
        ? found.runs.map((run) => `run:${run.run_id}`)
        : found.experiments.map((id) => `runs:${id}`),
    [found],
  );
  const first = useQuery({
    queryKey: [COMPARED, "points", of],
    queryFn: ({ signal }) => countPoints(of, signal),
    staleTime: Infinity,
  });
  const [now, setNow] = useState<{ points: number; of: RunsWanted } | null>(null);
  const timer = useRef(0);
  useEffect(() => () => window.clearTimeout(timer.current), [of]);
  const act = useCallback(() => {
    if (timer.current) return;
    timer.current = window.setTimeout(() => {
      timer.current = 0;
      void countPoints(of).then(
        (points) => setNow({ points, of }),
        () => undefined, // the dot in the page's head says that the server does not answer
      );
    }, PAUSE_MS);
  }, [of]);
  useTicks(topics, act);
  const fresh = now?.of === of && first.data !== undefined ? now.points - first.data : 0;
  if (fresh <= 0) return null;
  return (
    <Button
      look="main"
      onClick={() => {
        setNow(null);
        void client.invalidateQueries({ queryKey: [COMPARED] });
      }}
    >
      {count(fresh, "new point")}: show {fresh === 1 ? "it" : "them"}
    </Button>
  );
}
