/** Beside the editor: the tables with what their columns mean, ready questions, and one's own. */

import { Tabs } from "radix-ui";
import { useState, type ReactNode } from "react";

import { useSqlTable, type Question, type SqlTable } from "../../api/sql";
import { Button, Failure, Waiting } from "../../ui";
import { ago, when } from "../../ui/format";
import { holds, SearchBox } from "../../ui/parts";
import { forgetAsked, useAsked } from "./history";
import { READY } from "./questions";
import { stateWords } from "./tools";

const TABS = ["Tables", "Questions", "History"] as const;
const SHOWN_MAX = 200;
const TAB =
  "border-b-2 border-transparent px-2 py-1.5 text-muted hover:bg-raised data-[state=active]:border-accent data-[state=active]:font-medium data-[state=active]:text-text";
const PANEL = "min-h-0 flex-1 overflow-auto";
const ENTRY = "block w-full rounded px-2 py-1 text-left hover:bg-raised";

interface Props {
  asOf: string;
  tables: { data: SqlTable[] | undefined; error: unknown; retry: () => void };
  onInsert: (text: string) => void;
  onAsk: (question: Question) => void;
}

export function SidePane(props: Props) {
  return (
    <aside
      aria-label="Tables and questions"
      className="w-72 shrink-0 border-r border-line bg-panel max-[1000px]:w-56"
    >
      <Tabs.Root defaultValue="Tables" className="flex h-full flex-col">
        <Tabs.List aria-label="Beside the editor" className="flex border-b border-line px-1">
          {TABS.map((one) => (
            <Tabs.Trigger key={one} value={one} className={TAB}>
              {one}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        <Tabs.Content value="Tables" tabIndex={-1} className={PANEL}>
          <Tables {...props} />
        </Tabs.Content>
        <Tabs.Content value="Questions" tabIndex={-1} className={PANEL}>
          <Ready asOf={props.asOf} onAsk={props.onAsk} />
        </Tabs.Content>
        <Tabs.Content value="History" tabIndex={-1} className={PANEL}>
          <History onAsk={props.onAsk} />
        </Tabs.Content>
      </Tabs.Root>
    </aside>
  );
}

function Tables({ asOf, tables, onInsert }: Props) {
  const [words, setWords] = useState("");
  const { data, error, retry } = tables;
  if (error) return <Failure error={error} onRetry={retry} />;
  if (data === undefined) return <Waiting what="Asking which tables there are" />;
  const found = data.filter(
    (one) =>
      holds(`${one.name} ${one.doc}`, words) ||
      one.columns.some((column) => holds(`${column.name} ${column.doc}`, words)),
  );
  return (
    <div className="p-2">
      <SearchBox
        label="Find a table or column"
        value={words}
        onChange={setWords}
        className="mb-1 w-full"
      />
      {found.length === 0 && <p className="p-2 text-muted">No table or column has these words.</p>}
      <ul>
        {found.slice(0, SHOWN_MAX).map((table) => (
          <TableEntry
            key={table.name}
            table={table}
            asOf={asOf}
            words={words}
            onInsert={onInsert}
          />
        ))}
      </ul>
      {found.length > SHOWN_MAX && (
        <p className="p-2 text-muted">
          {(found.length - SHOWN_MAX).toLocaleString("en")} more: search for a part of the name.
        </p>
      )}
    </div>
  );
}

interface EntryProps {
  table: SqlTable;
  asOf: string;
  words: string;
  onInsert: (text: string) => void;
}

function TableEntry({ table, asOf, words, onInsert }: EntryProps) {
  const [isOpened, setOpened] = useState<boolean | null>(null);
  const isFound = words !== "" && !holds(table.name, words);
  const isOpen = isOpened ?? isFound;
  const loaded = useSqlTable(table.name, asOf, isOpen && table.is_dataset);
  const { columns, rows } = loaded.data ?? table;
  return (
    <li>
      <div className="flex items-center rounded hover:bg-raised">
        <button
          type="button"
          aria-expanded={isOpen}
          title={table.doc}
          onClick={() => setOpened(!isOpen)}
          className="flex min-w-0 flex-1 items-baseline gap-1 px-1 py-0.5 text-left"
        >
          <span aria-hidden="true" className="w-3 shrink-0 text-muted">
            {isOpen ? "▾" : "▸"}
          </span>
          <span className="truncate font-mono text-xs">{table.name}</span>
          <span className="ml-auto shrink-0 text-[11px] text-muted tabular-nums">
            {rows === null || (table.is_dataset && !loaded.data) ? "" : rows?.toLocaleString("en")}
          </span>
        </button>
        <Insert name={table.name} onInsert={onInsert} />
      </div>
      {isOpen && (
        <div className="mb-1 ml-4 border-l border-line pl-1">
          <p className="px-1 text-xs text-muted">{table.doc}</p>
          {loaded.isLoading && <p className="px-1 text-xs text-muted">Loading its columns …</p>}
          {loaded.isError && <p className="px-1 text-xs text-bad">{loaded.error.message}</p>}
          <ul>
            {columns.map((one) => (
              <li key={one.name} title={one.doc ? `${one.name}: ${one.doc}` : one.name}>
                <button
                  type="button"
                  onClick={() => onInsert(quoted(one.name))}
                  className="block w-full rounded px-1 py-px text-left hover:bg-raised"
                >
                  <span className="flex items-baseline gap-2">
                    <span className="truncate font-mono text-xs">{one.name}</span>
                    <span className="ml-auto max-w-28 shrink-0 truncate text-[11px] text-muted">
                      {one.type}
                    </span>
                  </span>
                  {one.doc && (
                    <span className="block truncate text-[11px] text-muted">{one.doc}</span>
                  )}
                </button>
              </li>
            ))}
          </ul>
        </div>
      )}
    </li>
  );
}

function Insert({ name, onInsert }: { name: string; onInsert: (text: string) => void }) {
  return (
    <button
      type="button"
      title={`Put ${name} into the query`}
      aria-label={`Put ${name} into the query`}
      onClick={() => onInsert(quoted(name))}
      className="h-5 w-5 shrink-0 rounded text-muted hover:bg-chosen hover:text-text"
    >
      <span aria-hidden="true">+</span>
    </button>
  );
}

/** A name as SQL needs it. */
function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

function Ready({ asOf, onAsk }: { asOf: string; onAsk: (question: Question) => void }) {
  return (
    <ul className="p-1">
      {READY.map((one) => (
        <li key={one.title}>
          <button type="button" className={ENTRY} onClick={() => onAsk({ sql: one.sql, asOf })}>
            <span className="block font-medium">{one.title}</span>
            <Lines of={one.sql} />
          </button>
        </li>
      ))}
    </ul>
  );
}

function History({ onAsk }: { onAsk: (question: Question) => void }) {
  const asked = useAsked();
  if (asked.length === 0)
    return (
      <p className="p-3 text-muted">
        Questions you ask are kept here, in this browser only, the last hundred of them.
      </p>
    );
  return (
    <>
      <ul className="p-1">
        {asked.map((one) => (
          <li key={`${one.at} ${one.asOf}`}>
            <button
              type="button"
              className={ENTRY}
              onClick={() => onAsk({ sql: one.sql, asOf: one.asOf })}
            >
              <Lines of={one.sql} />
              <span className="block text-[11px] text-muted" title={when(one.at)}>
                {ago(one.at)}
                {one.rows !== null && `, ${one.rows.toLocaleString("en")} rows`}
                {one.asOf && `, as of ${stateWords(one.asOf)}`}
              </span>
            </button>
          </li>
        ))}
      </ul>
      <p className="border-t border-line p-2">
        <Button look="quiet" onClick={forgetAsked}>
          Forget them all
        </Button>
      </p>
    </>
  );
}

function Lines({ of }: { of: string }): ReactNode {
  return (
    <bdi className="line-clamp-2 font-mono text-[11px] leading-4 break-words whitespace-pre-wrap text-muted">
      {of.slice(0, 300)}
    </bdi>
  );
}
