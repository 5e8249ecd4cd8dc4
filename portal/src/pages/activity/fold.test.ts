import { expect, test } from "vitest";

import type { ActivityEvent } from "../../api/discussion";
import { folded } from "./fold";

const HOUR_US = 3_600_000_000;

function event(kind: string, more: Partial<ActivityEvent> = {}): ActivityEvent {
  return {
    kind,
    id: "1",
    at_us: 1_000 * HOUR_US,
    who: "ann",
    subject: "run:1",
    label: "heron",
    experiment_id: "7",
    what: null,
    text: null,
    ...more,
  };
}

test("runs started in a row are one entry, unless they differ in what is told of them", () => {
  const told = folded([
    event("started"),
    event("started", { label: "ibis" }),
    event("started", { who: "ben" }),
    event("ended", { what: "FINISHED" }),
    event("ended", { what: "FAILED" }),
    event("ended", { what: "FAILED", at_us: 900 * HOUR_US }),
    event("comment"),
    event("comment"),
  ]);
  expect(told.map((one) => one.length)).toEqual([2, 1, 1, 1, 1, 1, 1]);
});
