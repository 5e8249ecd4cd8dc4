/** Traces in the palette, by their id or the beginning of it, with or without `tr-`. */

import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Command, useCommandState } from "cmdk";
import { useDeferredValue } from "react";

import { readWindow } from "../../api/traces";
import { ago } from "../../ui/format";

const SHOWN = 5;
const ID = /^(tr-[0-9a-f]{4,32}|[0-9a-f]{12,32})$/i;

export function FoundTraces({ className, onGone }: { className: string; onGone: () => void }) {
  const navigate = useNavigate();
  const typed = useDeferredValue(useCommandState((state) => state.search).trim());
  const found = useQuery({
    queryKey: ["traces", "palette", typed],
    queryFn: ({ signal }) => readWindow({ text: typed, limit: SHOWN }, signal),
    enabled: ID.test(typed),
    staleTime: 10_000,
  });
  if (!ID.test(typed) || !found.data?.traces.length) return null;
  return (
    <Command.Group heading="Traces">
      {found.data.traces.map((one) => (
        <Command.Item
          key={one.trace_id}
          value={`trace ${one.trace_id}`}
          keywords={[typed]}
          className={className}
          onSelect={() => {
            onGone();
            void navigate({ to: "/traces/$trace", params: { trace: one.trace_id } });
          }}
        >
          <bdi className="truncate">{one.name?.slice(0, 100) ?? one.trace_id}</bdi>
          <span className="text-muted">trace, {ago(one.started_at)}</span>
        </Command.Item>
      ))}
    </Command.Group>
  );
}
