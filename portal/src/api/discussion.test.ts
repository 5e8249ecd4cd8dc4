import { expect, test } from "vitest";

import { parsedSubject, subjectPlace, subjectText } from "./discussion";

test("subjects are read as they are written", () => {
  const of = { kind: "model", id: "a:b/3" } as const;
  expect(parsedSubject(subjectText(of))).toEqual(of);
});

test("a subject has an address, and so has what is said of it", () => {
  const run = { subject: "run:0198", label: "heron", experiment_id: "7" };
  expect(subjectPlace(run, false)).toEqual({ to: "/p/7/runs/0198" });
  expect(subjectPlace(run, true)).toEqual({ to: "/p/7/runs/0198/activity" });
  const model = { subject: "model:a b%?/3", label: "a b%?/3", experiment_id: null };
  expect(subjectPlace(model, true)).toEqual({ to: "/models/a%20b%25%3F/v/3" });
  const data = { subject: "dataset:01", label: "mail@home/x@12", experiment_id: null };
  expect(subjectPlace(data, true)).toEqual({ to: "/datasets/mail%40home%2Fx/v/12", tab: "talk" });
  const report = { subject: "report:01", label: "Results", experiment_id: null };
  expect(subjectPlace(report, false)).toEqual({ to: "/reports/01" });
});
