/** Who one is to the server. */

import { useQuery } from "@tanstack/react-query";

import { getJson, sendJson, setCsrfToken } from "./client";

export interface WhoAmI {
  name: string;
  display_name: string;
  kind: "user" | "token" | "nobody" | "local";
  role: "none" | "viewer" | "editor" | "admin";
  is_sign_in_required: boolean;
  sso_label: string | null;
  csrf_token: string | null;
  renew_after_s: number | null;
}

function kept(who: WhoAmI): WhoAmI {
  setCsrfToken(who.csrf_token);
  return who;
}

export function useSession() {
  return useQuery({
    queryKey: ["session"],
    queryFn: async ({ signal }) => kept(await getJson<WhoAmI>("/api/v1/session", {}, signal)),
    staleTime: 60_000,
  });
}

export async function signIn(name: string, password: string): Promise<WhoAmI> {
  return kept(await sendJson<WhoAmI>("POST", "/api/v1/session", { name, password }));
}

export async function signOut(): Promise<void> {
  await sendJson("DELETE", "/api/v1/session");
  setCsrfToken(null);
}
