/** Reports in the palette: what is typed is asked of the server. */

import { useNavigate } from "@tanstack/react-router";
import { Command, useCommandState } from "cmdk";
import { useDeferredValue } from "react";

import { useReports } from "../../api/reports";

const SHOWN = 8;

export function FoundReports({ className, onGone }: { className: string; onGone: () => void }) {
  const navigate = useNavigate();
  const typed = useDeferredValue(useCommandState((state) => state.search).trim());
  const found = useReports(typed, "all", 0, SHOWN, typed !== "");
  const reports = typed === "" ? [] : (found.data?.reports ?? []);
  if (reports.length === 0) return null;
  return (
    <Command.Group heading="Reports">
      {reports.map((one) => (
        <Command.Item
          key={one.report_id}
          value={`report ${one.report_id}`}
          keywords={[typed]}
          className={className}
          onSelect={() => {
            onGone();
            void navigate({ to: "/reports/$report", params: { report: one.report_id } });
          }}
        >
          <bdi className="truncate">{one.title}</bdi>
          <span className="text-muted">report</span>
        </Command.Item>
      ))}
    </Command.Group>
  );
}
