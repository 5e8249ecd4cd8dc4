/** What happened, told shortly: runs that somebody started one after another are one entry. */

import type { ActivityEvent } from "../../api/discussion";

/** Events that are told as one, the newest first. */
export type Told = readonly [ActivityEvent, ...ActivityEvent[]];

const FOLDED = new Set(["started", "ended"]);

function isLike(a: ActivityEvent, b: ActivityEvent): boolean {
  return (
    FOLDED.has(a.kind) &&
    a.kind === b.kind &&
    a.who === b.who &&
    a.what === b.what &&
    a.experiment_id === b.experiment_id &&
    day(a) === day(b)
  );
}

export function folded(events: readonly ActivityEvent[]): Told[] {
  const found: [ActivityEvent, ...ActivityEvent[]][] = [];
  for (const event of events) {
    const last = found.at(-1);
    if (last && isLike(last[0], event)) last.push(event);
    else found.push([event]);
  }
  return found;
}

const DAY = new Intl.DateTimeFormat("en", { dateStyle: "full" });

/** The day of an event, as a heading. */
export function day(event: ActivityEvent): string {
  return DAY.format(new Date(event.at_us / 1000));
}
