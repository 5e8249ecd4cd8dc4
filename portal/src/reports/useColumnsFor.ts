/** The columns of runs that a panel needs, asked for where they are not known. */

import { useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

import { getJson } from "../api/client";
import { columnOf } from "../panels/data";
import type { KeyPage } from "../panels/keys";
import { columnsFor } from "./answers";
import type { ReportPanel } from "./panel";

const PARAMS_MAX = 90;

export function useColumnsFor() {
  const client = useQueryClient();
  return useCallback(
    async (panel: ReportPanel): Promise<readonly string[]> => {
      if (panel.kind !== "importance") return columnsFor(panel, []);
      const page = await client.fetchQuery({
        queryKey: ["params of", panel.experiment],
        queryFn: ({ signal }) =>
          getJson<KeyPage>(
            "/api/v1/keys/params",
            { experiment: panel.experiment, limit: PARAMS_MAX },
            signal,
          ),
      });
      const plain = page.nodes.filter((node) => node.keys === 0);
      return columnsFor(
        panel,
        plain.map((node) => columnOf("params", node.path)),
      );
    },
    [client],
  );
}
