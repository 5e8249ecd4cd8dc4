/** Why somebody should look at a deployment that is live: by word, and not by colour alone. */

import type { DeploymentRow } from "../../api/deployments";
import { cx } from "../../ui";

interface Concern {
  id: string;
  label: string;
  isBad: boolean;
  why: (row: DeploymentRow) => string;
}

export const CONCERNS: readonly Concern[] = [
  {
    id: "rejected",
    label: "rejected",
    isBad: true,
    why: () => "Somebody rejected this version in a review",
  },
  { id: "deleted", label: "deleted", isBad: true, why: () => "This version was deleted" },
  {
    id: "requested",
    label: "not approved yet",
    isBad: false,
    why: () => "A review of this version was requested, and nobody approved it yet",
  },
  {
    id: "not champion",
    label: "not the champion",
    isBad: false,
    why: (row) => `The champion is version ${row.champion ?? "?"}`,
  },
  {
    id: "old",
    label: "old",
    isBad: false,
    why: (row) => `The newest version is ${row.latest ?? "?"}`,
  },
];

export function Concerns({ row, isShort = false }: { row: DeploymentRow; isShort?: boolean }) {
  const shown = CONCERNS.filter((one) => row.concerns.includes(one.id));
  return shown.slice(0, isShort ? 1 : undefined).map((one) => (
    <span
      key={one.id}
      title={shown.map((each) => each.why(row)).join("\n")}
      className={cx(
        "rounded border px-1 text-xs whitespace-nowrap",
        one.isBad ? "border-bad text-bad" : "border-warn text-warn",
      )}
    >
      <span aria-hidden="true">{one.isBad ? "✕ " : "! "}</span>
      {one.label}
      {isShort && shown.length > 1 && ` +${shown.length - 1}`}
    </span>
  ));
}
