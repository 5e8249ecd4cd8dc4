/** Webhooks: who is told of events, and what became of each delivery. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

import { get, send, type Schema } from "./call";

export type Hook = Schema<"Hook">;
export type Delivery = Schema<"Delivery">;
export type HookTest = Schema<"HookTest">;
export type NewHook = Pick<Hook, "name" | "url" | "events"> & { secret?: string };

export function useHooks() {
  return useQuery({
    queryKey: ["webhooks"],
    queryFn: ({ signal }) => get("/api/v1/webhooks", { signal }),
    staleTime: 5_000,
  });
}

export function useDeliveries(webhook_id: string) {
  return useQuery({
    // Not below the list: where that is asked for anew, the webhook may be gone.
    queryKey: ["webhook deliveries", webhook_id],
    queryFn: async ({ signal }) =>
      (await get("/api/v1/webhooks/{webhook_id}/deliveries", { path: { webhook_id }, signal }))
        .deliveries,
    refetchInterval: 5_000,
  });
}

/** What can be done with webhooks; each asks anew for those that are shown. */
export function useHookActs() {
  const client = useQueryClient();
  const shown = useCallback(
    async <T>(answer: Promise<T>): Promise<T> => {
      const told = await answer;
      await client.invalidateQueries({ queryKey: ["webhooks"] });
      return told;
    },
    [client],
  );
  const one = "/api/v1/webhooks/{webhook_id}" as const;
  return {
    make: (body: NewHook) => shown(send("post", "/api/v1/webhooks", { body })),
    change: (webhook_id: string, body: Partial<NewHook> & { status?: string }) =>
      shown(send("patch", one, { path: { webhook_id }, body })),
    remove: (webhook_id: string) => shown(send("delete", one, { path: { webhook_id } })),
    test: (webhook_id: string, event: string) =>
      shown(send("post", `${one}/test`, { path: { webhook_id }, body: { event } })),
  };
}
