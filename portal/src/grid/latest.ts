/** What was drawn last, for keys and timers that are set up once. */

import { useLayoutEffect, useState } from "react";

class Latest<T> {
  constructor(private value: T) {}
  get = (): T => this.value;
  set(value: T): void {
    this.value = value;
  }
}

/** A function that never changes, and returns what was drawn last: call it in events only. */
export function useLatest<T>(value: T): () => T {
  const [latest] = useState(() => new Latest(value));
  useLayoutEffect(() => latest.set(value), [latest, value]);
  return latest.get;
}
