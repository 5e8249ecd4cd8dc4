/** What a panel is called where it does not say so itself. */

import { titleOf } from "../panels/ExtraPanel";
import type { ReportPanel } from "./panel";

export function titleOfPanel(panel: ReportPanel): string {
  if (panel.title) return panel.title;
  switch (panel.kind) {
    case "runs":
      return panel.filter ? `Runs: ${panel.filter}` : "Runs";
    case "image":
      return panel.path;
    case "sql":
      return "Table";
    default:
      return titleOf(panel);
  }
}
