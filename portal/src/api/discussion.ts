/** What people say to each other: comments, reviews, what happened, what waits for whom. */

import {
  keepPreviousData,
  useInfiniteQuery,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useCallback } from "react";

import { get, send, type Schema } from "./call";
import { useTicks } from "./live";

export type Comment = Schema<"Comment">;
export type Said = Schema<"Said">;
export type Thread = Schema<"Thread">;
export type Person = Schema<"Person">;
export type InboxItem = Schema<"InboxItem">;
export type ActivityEvent = Schema<"ActivityEvent">;
/** A word of a reviewer, of a run or of a version of a model. */
export type Review = Pick<
  Schema<"RunReview">,
  "review_id" | "state" | "comment" | "reviewers" | "reviewed_by" | "reviewed_at"
>;

/** What is talked about: a run, a version of a model (`name/version`) or a dataset, a report. */
export interface Subject {
  kind: "run" | "model" | "dataset" | "report";
  id: string;
}

export const TEXT_CHARS_MAX = 20_000;
export const THREADS_A_PAGE = 20;
export const ANSWERS_A_PAGE = 200;

export function subjectText(of: Subject): string {
  return `${of.kind}:${of.id}`;
}

/** A subject as the server writes it: `run:0198…`, `model:digits/3`. */
export function parsedSubject(text: string): Subject {
  const [kind = "", id = ""] = text.split(/:(.*)/s);
  return { kind: kind as Subject["kind"], id };
}

/** What is told of a subject wherever it is named. */
export interface Named {
  subject: string;
  label: string;
  experiment_id: string | null;
}

/**
 * Where one sees a subject, or what is said of it. Datasets are called `name@version`, and found
 * by that.
 */
export function subjectPlace(of: Named, isTalk: boolean): { to: string; tab?: string } {
  const { kind, id } = parsedSubject(of.subject);
  const whole = kind === "dataset" ? of.label : id;
  const cut = whole.lastIndexOf(kind === "dataset" ? "@" : "/");
  const name = encodeURIComponent(whole.slice(0, cut));
  const version = encodeURIComponent(whole.slice(cut + 1));
  if (kind === "run") {
    const run = `/p/${encodeURIComponent(of.experiment_id ?? "")}/runs/${id}`;
    return { to: isTalk ? `${run}/activity` : run };
  }
  if (kind === "model") return { to: `/models/${name}/v/${version}` };
  if (kind === "report") return { to: `/reports/${encodeURIComponent(id)}` };
  const to = `/datasets/${name}/v/${version}`;
  return isTalk ? { to, tab: "talk" } : { to };
}

export interface ThreadsWanted {
  page: number;
  withResolved: boolean;
  /** A comment to show, in place of the page. */
  around: string;
}

export function useThreads(of: Subject, wanted: ThreadsWanted) {
  const subject = subjectText(of);
  return useQuery({
    queryKey: ["discussion", subject, "threads", wanted],
    queryFn: ({ signal }) =>
      get("/api/v1/comments", {
        query: {
          subject,
          offset: wanted.page * THREADS_A_PAGE,
          limit: THREADS_A_PAGE,
          with_resolved: wanted.withResolved,
          ...(wanted.around ? { around: wanted.around } : {}),
        },
        signal,
      }),
    placeholderData: keepPreviousData,
    staleTime: 5_000,
    retry: false,
  });
}

/** The answers of a thread, stretch by stretch from the newest to the oldest. */
export function useAnswers(of: Subject, thread: string, total: number, isWanted: boolean) {
  return useInfiniteQuery({
    queryKey: ["discussion", subjectText(of), "answers", thread],
    queryFn: ({ pageParam, signal }) =>
      get("/api/v1/comments/{comment_id}/answers", {
        path: { comment_id: thread },
        query: { offset: pageParam, limit: ANSWERS_A_PAGE },
        signal,
      }),
    initialPageParam: Math.max(0, total - ANSWERS_A_PAGE),
    getNextPageParam: (_, __, offset) =>
      offset > 0 ? Math.max(0, offset - ANSWERS_A_PAGE) : undefined,
    enabled: isWanted,
    staleTime: 5_000,
  });
}

export function say(of: Subject, text: string, thread?: string): Promise<Comment> {
  const body = { subject: subjectText(of), text, ...(thread ? { thread } : {}) };
  return send("post", "/api/v1/comments", { body });
}

const one = (comment_id: string) => ({ path: { comment_id } });

export function edit(comment: Comment, text: string): Promise<Comment> {
  const body = { text, was: comment.text ?? "" };
  return send("patch", "/api/v1/comments/{comment_id}", { ...one(comment.comment_id), body });
}

export function settle(comment: Comment, isResolved: boolean): Promise<Comment> {
  const body = { is_resolved: isResolved };
  return send("patch", "/api/v1/comments/{comment_id}", { ...one(comment.comment_id), body });
}

export async function takeBack(comment: Comment): Promise<void> {
  await send("delete", "/api/v1/comments/{comment_id}", one(comment.comment_id));
}

export async function askPeople(of: Subject, text: string, signal?: AbortSignal) {
  const query = { subject: subjectText(of), text };
  return (await get("/api/v1/people", { query, signal })).people;
}

/** Ask anew for all that is said here; also when a tick tells that something was said somewhere. */
export function useNews(): () => void {
  const client = useQueryClient();
  return useCallback(() => {
    for (const name of ["discussion", "inbox", "activity"])
      void client.invalidateQueries({ queryKey: [name] });
  }, [client]);
}

export const DISCUSSIONS = ["discussions"] as const;

export function useReviews(of: Subject) {
  return useQuery({
    queryKey: ["discussion", subjectText(of), "reviews"],
    queryFn: ({ signal }) => askReviews(of, signal),
    staleTime: 5_000,
  });
}

async function askReviews(of: Subject, signal: AbortSignal): Promise<Review[]> {
  if (of.kind === "run") {
    const path = { run_id: of.id };
    return (await get("/api/v1/runs/{run_id}/reviews", { path, signal })).reviews;
  }
  const path = versionPath(of);
  return (await get("/api/v1/models/{name}/versions/{version}", { path, signal })).reviews;
}

export type ReviewState = "requested" | "approved" | "rejected" | "comment";

export async function review(
  of: Subject,
  said: { state: ReviewState; comment: string | null; reviewers: string[] },
): Promise<void> {
  if (of.kind === "run")
    await send("post", "/api/v1/runs/{run_id}/reviews", { path: { run_id: of.id }, body: said });
  else
    await send("post", "/api/v1/models/{name}/versions/{version}/reviews", {
      path: versionPath(of),
      body: said,
    });
}

function versionPath(of: Subject): { name: string; version: string } {
  const cut = of.id.lastIndexOf("/");
  return { name: of.id.slice(0, cut), version: of.id.slice(cut + 1) };
}

export interface ActivityWanted {
  kinds: readonly string[];
  who: string;
  subject?: string;
}

const EVENTS_A_PAGE = 60;

export function useActivityFeed(wanted: ActivityWanted) {
  return useInfiniteQuery({
    queryKey: ["activity", wanted],
    queryFn: ({ pageParam, signal }) =>
      get("/api/v1/activity", {
        query: {
          kind: [...wanted.kinds],
          ...(wanted.who ? { who: wanted.who } : {}),
          ...(wanted.subject ? { subject: wanted.subject } : {}),
          ...(pageParam ? { before: pageParam } : {}),
          limit: EVENTS_A_PAGE,
        },
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
    staleTime: 5_000,
    retry: false,
  });
}

const INBOX_A_LOOK = 50;
const INBOX_EVERY_MS = 60_000;

/** What waits for one. Failures of runs tell nobody by a tick of their own: ask each minute. */
export function useInbox(isUnreadOnly: boolean, limit = INBOX_A_LOOK, isWanted = true) {
  return useQuery({
    enabled: isWanted,
    queryKey: ["inbox", isUnreadOnly, limit],
    queryFn: ({ signal }) =>
      get("/api/v1/inbox", { query: { unread_only: isUnreadOnly, limit }, signal }),
    placeholderData: keepPreviousData,
    refetchInterval: INBOX_EVERY_MS,
    staleTime: 5_000,
  });
}

/** Note what was read; `*` is all there is. */
export async function markRead(items: readonly string[]): Promise<void> {
  await send("post", "/api/v1/inbox/read", { body: { items } });
}

export function useDiscussionTicks(): void {
  useTicks(DISCUSSIONS, useNews());
}
