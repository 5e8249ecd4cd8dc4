/** Who one is to the server. */

import { queryOptions, useQuery } from "@tanstack/react-query";

import { get, send, type Schema } from "./call";
import { setCsrfToken } from "./client";

export type WhoAmI = Schema<"WhoAmI">;

function kept(who: WhoAmI): WhoAmI {
  setCsrfToken(who.csrf_token);
  return who;
}

export const sessionAsked = queryOptions({
  queryKey: ["session"],
  queryFn: async ({ signal }) => kept(await get("/api/v1/session", { signal })),
  staleTime: 60_000,
});

export function useSession() {
  return useQuery(sessionAsked);
}

export async function signIn(name: string, password: string): Promise<WhoAmI> {
  return kept(await send("post", "/api/v1/session", { body: { name, password } }));
}

export async function signOut(): Promise<void> {
  await send("delete", "/api/v1/session", {});
  setCsrfToken(null);
}
