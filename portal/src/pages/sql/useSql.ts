/** One question at a time: running, answered or refused; a new one ends the one before. */

import { useCallback, useEffect, useRef, useState } from "react";

import { runSql, type Question, type SqlResult } from "../../api/sql";
import { keepAsked } from "./history";

export type Outcome =
  | { state: "nothing" }
  | { state: "running"; question: Question; since: number; before: Answered | null }
  | Answered
  | { state: "failed"; question: Question; error: unknown }
  | { state: "stopped"; question: Question };

export interface Answered {
  state: "answered";
  question: Question;
  result: SqlResult;
}

export function useSql() {
  const [outcome, setOutcome] = useState<Outcome>({ state: "nothing" });
  const running = useRef<AbortController | null>(null);

  const run = useCallback(async (question: Question) => {
    running.current?.abort();
    const control = new AbortController();
    running.current = control;
    setOutcome((last) => ({
      state: "running",
      question,
      since: Date.now(),
      before: last.state === "answered" ? last : last.state === "running" ? last.before : null,
    }));
    try {
      const result = await runSql(question, control.signal);
      if (running.current !== control) return;
      setOutcome({ state: "answered", question, result });
      keepAsked(question, result.table.numRows);
    } catch (error) {
      if (running.current !== control) return;
      if (control.signal.aborted) setOutcome({ state: "stopped", question });
      else {
        setOutcome({ state: "failed", question, error });
        keepAsked(question, null);
      }
    }
  }, []);
  const stop = useCallback(() => running.current?.abort(), []);
  // Whoever leaves the page leaves the question: the server ends it.
  useEffect(
    () => () => {
      const last = running.current;
      running.current = null;
      last?.abort();
    },
    [],
  );
  return { outcome, run, stop };
}
