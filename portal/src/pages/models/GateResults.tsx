/** What gates say of a version: each with its conditions, what was found, and whether it holds. */

import type { GateResult } from "../../api/models";
import { cx } from "../../ui";
import { count, number } from "../../ui/format";
import { Alias } from "./parts";

export function GateResults({ results }: { results: readonly GateResult[] }) {
  if (results.length === 0)
    return <p className="text-muted">No gate guards this alias: it may move.</p>;
  const closed = results.filter((one) => !one.holds).length;
  return (
    <>
      <p className={cx("font-medium", closed ? "text-bad" : "text-good")}>
        <span aria-hidden="true">{closed ? "✕ " : "✓ "}</span>
        {closed === 0
          ? "All gates hold: it may move."
          : `${closed} of ${count(results.length, "gate")} ${closed === 1 ? "does" : "do"} not hold: it may not move.`}
      </p>
      <ul className="grid gap-2">
        {results.map((one) => (
          <GateOutcome key={one.gate} result={one} />
        ))}
      </ul>
    </>
  );
}

export function GateOutcome({ result }: { result: GateResult }) {
  return (
    <li className="rounded border border-line">
      <div className="flex items-center gap-2 border-b border-line px-2 py-1">
        <Outcome holds={result.holds} />
        {result.gate && <strong className="min-w-0 truncate font-medium">{result.gate}</strong>}
        {result.alias && <Alias name={result.alias} />}
        {result.description && (
          <span className="min-w-0 truncate text-muted" title={result.description}>
            {result.description}
          </span>
        )}
      </div>
      {result.parts.length !== 1 && (
        <code className="block px-2 py-1 font-mono text-xs break-words">{result.condition}</code>
      )}
      {result.parts.length > 0 && (
        <table className="w-full text-left">
          <thead className="sr-only">
            <tr>
              <th>Condition</th>
              <th>Found</th>
              <th>Outcome</th>
            </tr>
          </thead>
          <tbody>
            {result.parts.map((part, at) => (
              <tr key={at}>
                <td className="px-2 py-0.5 font-mono text-xs break-words">{part.text}</td>
                <td className="px-2 py-0.5 text-right text-muted tabular-nums">
                  {part.value === null ? "nothing there" : found(part.value)}
                </td>
                <td className="w-20 px-2 py-0.5 text-right">
                  <Outcome holds={part.holds} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </li>
  );
}

function Outcome({ holds }: { holds: boolean }) {
  return (
    <span className={cx("whitespace-nowrap", holds ? "text-good" : "text-bad")}>
      <span aria-hidden="true">{holds ? "✓" : "✕"}</span> {holds ? "holds" : "fails"}
    </span>
  );
}

/** A number as it is read, and any other text as it is. */
export function found(value: string): string {
  const asNumber = Number(value);
  return value.trim() !== "" && Number.isFinite(asNumber) ? number(asNumber) : value;
}
