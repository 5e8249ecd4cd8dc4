/** Goes on by SQL: what a list shows, as a query that finds the same, on the SQL page. */

import { useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";

import { useLatest } from "../grid/latest";
import { useKeys, type Key } from "../shell/keys";
import { Button } from "../ui";
import { useAct } from "../ui/useAct";

interface OpenAsSqlProps {
  /** Of which page it is, among the keys. */
  page: string;
  /** Asks the server for the query. */
  ask: () => Promise<string>;
}

export function OpenAsSql({ page, ask }: OpenAsSqlProps) {
  const navigate = useNavigate();
  const act = useAct();
  const open = () =>
    void act.run(async () => navigate({ to: "/query", search: { sql: await ask() } }));
  const latest = useLatest(open);
  const keys = useMemo<Key[]>(
    () => [{ keys: "q", does: "Open this list as SQL", act: () => latest()() }],
    [latest],
  );
  useKeys(page, keys);
  return (
    <span className="relative">
      <Button disabled={act.isBusy} title="Open the SQL that finds the same (key q)" onClick={open}>
        SQL
      </Button>
      {act.error && (
        <span
          role="alert"
          className="absolute top-8 right-0 z-40 w-72 rounded-md border border-bad bg-panel px-3 py-1.5 text-xs text-bad shadow-lg"
        >
          {act.error}
        </span>
      )}
    </span>
  );
}
