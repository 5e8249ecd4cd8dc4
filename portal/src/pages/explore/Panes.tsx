/** Table and charts: one of them, or both beside each other. */

import type { ReactNode } from "react";

import { Panes as Beside } from "../../ui/Panes";
import type { Split } from "./state";

export function Panes({ split, left, right }: { split: Split; left: ReactNode; right: ReactNode }) {
  if (split === "table") return <div className="min-h-0 flex-1">{left}</div>;
  if (split === "charts") return <div className="min-h-0 flex-1">{right}</div>;
  return (
    <Beside
      keptAs="mere.explore.split"
      label="Between table and charts"
      left={left}
      right={right}
    />
  );
}
