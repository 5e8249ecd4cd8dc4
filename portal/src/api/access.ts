/** Who may do what: sessions, tokens, users, groups, grants and the audit trail. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

import { get, type Schema } from "./call";
import { getJson, sendJson } from "./client";

export const ROLES = ["none", "viewer", "editor", "admin"] as const;
export type Role = (typeof ROLES)[number];
export type OwnSession = Schema<"OwnSession">;
export type About = Schema<"About">;

export interface User {
  name: string;
  display_name: string;
  role: Role;
  is_disabled: boolean;
  issuer: string | null;
  created_by: string | null;
  signed_in_at: string | null;
  created_at: string | null;
}

export interface Group {
  group_id: number;
  name: string;
  description: string;
  members: string[];
}

export interface Token {
  token_id: string;
  owner: string;
  name: string;
  /** The first characters of its secret. */
  shown: string;
  role: Role;
  experiments: string[] | null;
  models: string[] | null;
  expires_at: string | null;
  used_at: string | null;
  created_at: string | null;
}

export interface Grant {
  principal_kind: "user" | "group";
  principal: string;
  object_kind: "experiment" | "model" | "warehouse";
  object_id: string;
  role: Role;
  granted_by: string | null;
}

export interface Note {
  happened_at: string;
  count: number;
  actor: string;
  actor_kind: string;
  token_id: string | null;
  operation: string;
  target: string;
  outcome: string;
  address: string;
  request_id: string;
}

export interface NoteFilter {
  actor: string;
  operation: string;
  outcome: string;
  since: string;
  until: string;
}

type Part = "sessions" | "tokens" | "users" | "groups" | "grants";

/** One list of access by its name; the server answers with an object that has it by that name. */
function useList<T>(part: Part, query: Record<string, string | undefined> = {}) {
  return useQuery({
    queryKey: ["access", part, query],
    queryFn: async ({ signal }) =>
      (await getJson<Record<Part, T[]>>(`/api/v1/${part}`, query, signal))[part],
    staleTime: 5_000,
  });
}

export const useSessions = () => useList<OwnSession>("sessions");
export const useTokens = (owner?: string) => useList<Token>("tokens", { owner });
export const useUsers = () => useList<User>("users");
export const useGroups = () => useList<Group>("groups");
export const useGrants = () => useList<Grant>("grants");

/** Send a change of access, and ask anew for whatever of it is shown. */
export function useChange() {
  const client = useQueryClient();
  return useCallback(
    async <T>(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown) => {
      const answer = await sendJson<T>(method, `/api/v1/${path}`, body);
      await client.invalidateQueries({ queryKey: ["access"] });
      return answer;
    },
    [client],
  );
}

export function userPath(name: string, rest = ""): string {
  return `users/${encodeURIComponent(name)}${rest}`;
}

export function askNotes(
  filter: NoteFilter,
  offset: number,
  limit: number,
  signal: AbortSignal,
): Promise<{ notes: Note[]; total: number }> {
  return getJson("/api/v1/audit", { ...filter, offset, limit }, signal);
}

export function useAbout() {
  return useQuery({
    queryKey: ["about"],
    queryFn: ({ signal }) => get("/api/v1/about", { signal }),
    refetchInterval: 10_000,
  });
}
