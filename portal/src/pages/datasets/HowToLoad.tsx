/** How to get at the data of a version: what to copy into a program, a shell or the SQL lab. */

import { Link } from "@tanstack/react-router";

import type { Dataset } from "../../api/datasets";
import { CommandLine, Section } from "../../ui/parts";
import { snippets } from "./snippets";

export function HowToLoad({ of }: { of: Dataset }) {
  const found = snippets(of);
  return (
    <Section
      title="How to load it"
      side={
        of.table_name && (
          <Link
            to="/query"
            search={{ sql: `select * from ${of.table_name} limit 100` }}
            className="rounded px-2 py-0.5 text-accent hover:underline"
          >
            Open in SQL
          </Link>
        )
      }
    >
      <div className="grid gap-3 p-3">
        {found.map(({ why, text }) => (
          <CommandLine key={why} why={why} text={text} />
        ))}
      </div>
    </Section>
  );
}
