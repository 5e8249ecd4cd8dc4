/** How many comments there are on something, behind the name of the tab that shows them. */

import { useQuery } from "@tanstack/react-query";

import { get } from "../api/call";
import { subjectText, type Subject } from "../api/discussion";

export function TalkCount({ of }: { of: Subject }) {
  const subject = subjectText(of);
  const found = useQuery({
    queryKey: ["discussion", subject, "count"],
    queryFn: ({ signal }) => get("/api/v1/comments", { query: { subject, limit: 1 }, signal }),
    staleTime: 30_000,
    retry: false,
  });
  const comments = found.data?.comments ?? 0;
  if (comments === 0) return null;
  return <span className="tabular-nums"> ({comments.toLocaleString("en")})</span>;
}
