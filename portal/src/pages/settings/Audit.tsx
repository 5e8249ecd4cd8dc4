/** The audit trail: who did what to what, in windows of the server; the filter is in the address. */

import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";

import { askNotes, type Note, type NoteFilter } from "../../api/access";
import type { Search } from "../../router";
import { Button, cx, Empty, Failure, Waiting } from "../../ui";
import { count, when } from "../../ui/format";
import { useWindow } from "../../ui/useWindow";
import { WindowTable, type Column } from "../../ui/WindowTable";
import { CommandLine } from "../../ui/parts";
import { Choose, Field } from "./parts";

const PAUSE_MS = 300;
const OUTCOMES = [
  ["", "all"],
  ["ok", "done"],
  ["refused", "refused"],
] as const;

const COLUMNS: readonly Column<Note>[] = [
  { id: "when", label: "When", width: "13rem", show: (one) => when(one.happened_at) },
  {
    id: "actor",
    label: "Who",
    width: "minmax(8rem,1fr)",
    show: (one) => (
      <bdi title={one.token_id ? `by token ${one.token_id}` : one.actor_kind}>
        {one.actor}
        {one.token_id && " (token)"}
      </bdi>
    ),
  },
  {
    id: "operation",
    label: "What",
    width: "minmax(12rem,1.6fr)",
    show: (one) => <span title={one.operation}>{one.operation}</span>,
  },
  {
    id: "target",
    label: "On",
    width: "minmax(12rem,2fr)",
    show: (one) => <bdi title={one.target}>{one.target}</bdi>,
  },
  {
    id: "outcome",
    label: "How it ended",
    width: "9rem",
    show: (one) => (
      <span className={cx(one.outcome === "ok" ? "text-good" : "text-bad")}>{one.outcome}</span>
    ),
  },
  { id: "address", label: "From", width: "9rem", show: (one) => <bdi>{one.address}</bdi> },
  {
    id: "count",
    label: "Times",
    width: "5rem",
    isRight: true,
    show: (one) => one.count.toLocaleString("en"),
  },
];

export default function Audit() {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const filter: NoteFilter = {
    actor: search["actor"] ?? "",
    operation: search["operation"] ?? "",
    outcome: search["outcome"] ?? "",
    since: search["since"] ?? "",
    until: search["until"] ?? "",
  };
  const put = (changes: Partial<NoteFilter>) =>
    void navigate({
      to: "/settings/$tab",
      params: { tab: "audit" },
      search: (old) => ({ ...old, ...changes }),
      replace: true,
    });
  const list = useWindow(
    ["audit", filter],
    (offset, limit, signal) => askNotes(filter, offset, limit, signal),
    (page) => page.notes,
  );
  const isFiltered = Object.values(filter).some(Boolean);
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="flex flex-wrap items-end gap-3 border-b border-line bg-panel p-3">
        <Words label="Who" value={filter.actor} onChange={(actor) => put({ actor })} />
        <Words
          label="What"
          value={filter.operation}
          placeholder="native.access.create_user"
          onChange={(operation) => put({ operation })}
        />
        <Choose
          label="How it ended"
          value={filter.outcome}
          of={
            OUTCOMES.some(([name]) => name === filter.outcome)
              ? OUTCOMES
              : [...OUTCOMES, [filter.outcome, filter.outcome]]
          }
          onChange={(outcome) => put({ outcome })}
        />
        <Moment label="From" value={filter.since} onChange={(since) => put({ since })} />
        <Moment label="Until" value={filter.until} onChange={(until) => put({ until })} />
        {isFiltered && (
          <Button
            className="h-8"
            onClick={() => put({ actor: "", operation: "", outcome: "", since: "", until: "" })}
          >
            Show all
          </Button>
        )}
        <p role="status" className="ml-auto leading-8 text-muted">
          {!list.isPending && count(list.total, "note")}
        </p>
      </div>
      {list.isPending && <Waiting />}
      {list.error !== null && <Failure error={list.error} onRetry={list.retry} />}
      {!list.isPending && list.error === null && list.total === 0 && (
        <Empty title={isFiltered ? "No note is like that" : "Nothing was noted yet"}>
          {isFiltered
            ? "Leave a part of the filter empty. An operation is named whole."
            : "Every write through this server, and all that is refused, is noted here within seconds."}
        </Empty>
      )}
      {list.total > 0 && list.error === null && (
        <WindowTable
          label="Audit trail"
          columns={COLUMNS}
          list={list}
          keyOf={(one) => `${one.happened_at} ${one.request_id} ${one.operation} ${one.target}`}
          order={{ by: "", isDescending: true }}
          onOrder={() => undefined}
          minWidth="64rem"
          rowPx={30}
        />
      )}
      <div className="border-t border-line bg-panel px-3 py-2">
        <CommandLine text='mere sql "select * from audit order by happened_at desc limit 100"' />
      </div>
    </div>
  );
}

/** A field whose words count when somebody pauses. */
function Words(props: {
  label: string;
  value: string;
  placeholder?: string;
  onChange: (value: string) => void;
}) {
  const { value, onChange } = props;
  const [known, setKnown] = useState(value);
  const [typed, setTyped] = useState(value);
  if (known !== value) {
    setKnown(value);
    setTyped(value);
  }
  useEffect(() => {
    if (typed === value) return;
    const timer = window.setTimeout(() => onChange(typed), PAUSE_MS);
    return () => window.clearTimeout(timer);
  });
  return (
    <Field
      label={props.label}
      type="search"
      value={typed}
      placeholder={props.placeholder}
      onChange={(event) => setTyped(event.target.value)}
      className="w-52"
    />
  );
}

/** A moment, in the time of this browser; the address has it with its zone. */
function Moment(props: { label: string; value: string; onChange: (value: string) => void }) {
  const found = props.value ? new Date(props.value) : null;
  const local =
    found && !Number.isNaN(found.getTime())
      ? new Date(found.getTime() - found.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
      : "";
  return (
    <Field
      label={props.label}
      type="datetime-local"
      value={local}
      onChange={(event) => {
        const moment = new Date(event.target.value);
        props.onChange(Number.isNaN(moment.getTime()) ? "" : moment.toISOString());
      }}
    />
  );
}
