/** What to copy to get at the data of a version. */

import type { Dataset } from "../../api/datasets";

export interface Snippet {
  why: string;
  text: string;
}

export function snippets(
  of: Pick<Dataset, "name" | "version" | "kind" | "table_name">,
): readonly Snippet[] {
  const one = `mere.dataset(${JSON.stringify(of.name)}, version=${of.version})`;
  const reads: Record<Dataset["kind"], string> = {
    table: `frame = ${one}.pandas()`,
    files: `${one}.download("data")`,
    reference: `table = ${one}.arrow()`,
  };
  const found = [
    { why: "In Python:", text: `import mere\n\n${reads[of.kind]}` },
    { why: "In a run, so that lineage knows of it:", text: `run.log_input(${one})` },
    {
      why: "In a shell:",
      text: `mere dataset get ${quoted(`${of.name}@${of.version}`)} --to data`,
    },
  ];
  if (of.table_name)
    found.push({
      why: "In SQL (the rows written last):",
      text: `select * from ${of.table_name} limit 100`,
    });
  return found;
}

/** A word as a shell takes it. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
