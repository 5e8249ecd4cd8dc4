/**
 * What advanced: one event stream for all tabs of a browser.
 *
 * The tab that holds the lock has the stream and passes ticks on; when it closes, another takes
 * over. Nobody listens while no tab is seen. Ticks say only *that* something advanced: whoever
 * shows it asks for what is new.
 */

import { useEffect, useSyncExternalStore } from "react";

import { Gathered } from "./gathered";

export type Freshness = "live" | "connecting" | "paused" | "offline";

type Listener = (topic: string) => void;

const CHANNEL = "mere-live";
const RETRY_MS = [500, 1_000, 2_000, 5_000];

class Live {
  private wanted = new Map<string, Set<Listener>>();
  private source: EventSource | null = null;
  private release: (() => void) | null = null;
  private channel: BroadcastChannel | null =
    typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(CHANNEL);
  private others = new Map<string, string[]>();
  private readonly id = Math.random().toString(36).slice(2);
  private lastId = "";
  private failures = 0;
  private readonly ticks = new Gathered((topics) => {
    for (const topic of topics)
      for (const listener of this.wanted.get(topic) ?? []) listener(topic);
  });
  private reopening = 0;
  private state: Freshness = "connecting";
  private watchers = new Set<() => void>();

  constructor() {
    this.channel?.addEventListener("message", (event: MessageEvent) => this.hear(event.data));
    document.addEventListener("visibilitychange", () => this.update());
  }

  get freshness(): Freshness {
    return this.state;
  }

  watch = (tell: () => void): (() => void) => {
    this.watchers.add(tell);
    return () => this.watchers.delete(tell);
  };

  /** Hear of a topic until the function returned is called. */
  listen(topic: string, listener: Listener): () => void {
    const known = this.wanted.get(topic) ?? new Set();
    this.wanted.set(topic, known.add(listener));
    this.update();
    return () => {
      known.delete(listener);
      if (known.size === 0) this.wanted.delete(topic);
      this.update();
    };
  }

  togglePause(): void {
    const isPaused = this.state !== "paused";
    this.change(isPaused ? "paused" : "connecting");
    this.update();
    if (!isPaused) this.tellAll();
  }

  /** What the stream says of itself; somebody's pause outlasts it. */
  private set(state: Freshness): void {
    if (this.state !== "paused") this.change(state);
  }

  private change(state: Freshness): void {
    if (this.state === state) return;
    this.state = state;
    for (const tell of this.watchers) tell();
  }

  private topics(): string[] {
    const all = new Set(this.wanted.keys());
    for (const topics of this.others.values()) for (const topic of topics) all.add(topic);
    return [...all].sort();
  }

  private update(): void {
    const own = document.hidden ? [] : [...this.wanted.keys()];
    this.channel?.postMessage({ kind: "wanted", from: this.id, topics: own });
    window.clearTimeout(this.reopening);
    this.reopening = window.setTimeout(() => void this.lead(), 50);
  }

  /** Open the stream if this tab is the one that has it. */
  private async lead(): Promise<void> {
    if (this.state === "paused" || (document.hidden && this.others.size === 0)) {
      this.close();
      return;
    }
    if (this.release === null) {
      if (!("locks" in navigator)) this.release = () => undefined;
      else if (!(await this.acquire())) return;
    }
    this.open();
  }

  private acquire(): Promise<boolean> {
    return new Promise((resolve) => {
      void navigator.locks.request(CHANNEL, { ifAvailable: true }, (lock) => {
        if (lock === null) {
          this.set("live");
          resolve(false);
          // Whoever has it may close: wait in line, and then take over.
          void navigator.locks.request(CHANNEL, () => this.hold());
          return undefined;
        }
        resolve(true);
        return this.hold();
      });
    });
  }

  private hold(): Promise<void> {
    return new Promise((release) => {
      this.release = release;
      this.open();
    });
  }

  private open(): void {
    const topics = this.topics();
    const address = `/api/v1/stream?topics=${encodeURIComponent(topics.join(","))}`;
    if (topics.length === 0) return this.close();
    if (this.source !== null && this.source.url.includes(address) && this.source.readyState < 2) {
      // Paused and taken up again before the stream was closed: no other "hello" will come.
      if (this.source.readyState === EventSource.OPEN) this.set("live");
      return;
    }
    this.close();
    const resumed = this.lastId ? `&last_event_id=${encodeURIComponent(this.lastId)}` : "";
    const source = new EventSource(address + resumed);
    this.source = source;
    this.set("connecting");
    const take = (event: MessageEvent<string>) => {
      this.failures = 0;
      this.lastId = event.lastEventId;
      this.set("live");
      const advanced = JSON.parse(event.data) as string[];
      this.channel?.postMessage({
        kind: "tick",
        topics: event.type === "reset" ? ["*"] : advanced,
      });
      // A stream that takes up where another ended may begin with "anything may have advanced".
      if (event.type === "reset" || advanced.includes("*")) this.tellAll();
      else this.tell(advanced);
    };
    source.addEventListener("hello", take);
    source.addEventListener("tick", take);
    source.addEventListener("reset", take);
    source.onerror = () => {
      source.close();
      this.set("offline");
      const pause = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)] ?? 5_000;
      this.failures += 1;
      this.reopening = window.setTimeout(() => this.open(), pause);
    };
  }

  private close(): void {
    this.source?.close();
    this.source = null;
  }

  private hear(message: { kind: string; from?: string; topics: string[] }): void {
    if (message.kind === "wanted" && message.from) {
      if (message.topics.length) this.others.set(message.from, message.topics);
      else this.others.delete(message.from);
      if (this.release !== null) void this.lead();
    } else if (message.kind === "tick") {
      this.set("live");
      if (message.topics.includes("*")) this.tellAll();
      else this.tell(message.topics);
    }
  }

  private tellAll(): void {
    this.tell([...this.wanted.keys()]);
  }

  private tell(topics: string[]): void {
    if (this.state !== "paused") this.ticks.add(topics);
  }
}

let shared: Live | null = null;

export function live(): Live {
  shared ??= new Live();
  return shared;
}

/** Do something each time one of some topics advanced. */
export function useTicks(topics: readonly string[], act: Listener): void {
  const key = topics.join("\n");
  useEffect(() => {
    const leave = key ? key.split("\n").map((topic) => live().listen(topic, act)) : [];
    return () => leave.forEach((one) => one());
  }, [key, act]);
}

export function useFreshness(): Freshness {
  return useSyncExternalStore(live().watch, () => live().freshness);
}
