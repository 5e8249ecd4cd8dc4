/** A question in the words of other tools, to be copied into them. */

import type { Question } from "../../api/sql";

const ROOT = /^\d{1,18}$/;
const TIME = /^\d{4}-\d\d-\d\dT/;

export function asPython({ sql, asOf }: Question): string {
  const text = sql.replaceAll("\\", "\\\\").replaceAll('"""', '\\"\\"\\"');
  const lines = text.includes("\n") ? `"""\n${text.trimEnd()}\n"""` : `"""${text}"""`;
  const imports = TIME.test(asOf) ? "from datetime import datetime\n\nimport mere" : "import mere";
  return `${imports}\n\ntable = mere.sql(${lines}${pythonState(asOf)})\ndf = table.to_pandas()\n`;
}

function pythonState(asOf: string): string {
  if (!asOf) return "";
  if (ROOT.test(asOf)) return `, as_of=${asOf}`;
  if (TIME.test(asOf))
    return `, as_of=datetime.fromisoformat(${JSON.stringify(asOf.replace(/Z$/, "+00:00"))})`;
  return `, as_of=${JSON.stringify(asOf)}`;
}

/** For DuckDB's own shell: tables are attached through the server's Iceberg catalog. */
export function asDuckDb({ sql, asOf }: Question, origin: string): string {
  const catalog = `mere${asOf ? `@${asOf}` : ""}`.replaceAll("'", "''");
  return `INSTALL iceberg; LOAD iceberg;
-- Where sign-in is on: a token from Settings, in TOKEN. Without: AUTHORIZATION_TYPE 'none'.
ATTACH '${catalog}' AS lake (TYPE iceberg, ENDPOINT '${origin}/iceberg', TOKEN '…');
USE lake.mere;
${sql.trimEnd().replace(/;$/, "")};
`;
}

export function asCurl({ sql, asOf }: Question, origin: string): string {
  const body = JSON.stringify({ query: sql, ...(asOf && { as_of: asOf }) }).replaceAll(
    "'",
    "'\\''",
  );
  return `curl ${origin}/api/v1/sql -H 'Content-Type: application/json' -H 'Authorization: Bearer TOKEN' \\
  -d '${body}'
`;
}

/** The states as people write them: a root, a moment, or a tag. */
export function stateWords(asOf: string): string {
  if (!asOf) return "now";
  if (ROOT.test(asOf)) return `root ${asOf}`;
  if (TIME.test(asOf)) return new Date(asOf).toLocaleString("en");
  return `tag ${asOf}`;
}
