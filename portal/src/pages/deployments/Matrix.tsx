/** What runs where, at a glance: a row for each application, a column for each environment. */

import { useRef, useState } from "react";

import { useMatrix, type DeploymentRow, type DeploymentsWanted } from "../../api/deployments";
import { Button, cx, Failure, Waiting } from "../../ui";
import { count } from "../../ui/format";
import { Since } from "../models/parts";
import { Concerns } from "./concerns";
import { DeploymentDialog } from "./DeploymentDialog";

const APPLICATIONS = 100;
/** So many are shown in a cell; the others in the list. */
const IN_A_CELL = 3;

export function Matrix({
  wanted,
  onList,
}: {
  wanted: DeploymentsWanted;
  onList: (application: string, environment: string) => void;
}) {
  const [page, setPage] = useState(0);
  const [shown, setShown] = useState<DeploymentRow | null>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const found = useMatrix(wanted, page * APPLICATIONS, APPLICATIONS);
  if (found.isPending) return <Waiting what="Loading what runs where" />;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  const { applications, environments, total } = found.data;
  const last = Math.max(0, Math.ceil(total / APPLICATIONS) - 1);
  const turn = (to: number) => {
    setPage(Math.max(0, Math.min(last, to)));
    scroller.current?.scrollTo({ top: 0 });
  };
  return (
    <>
      <div
        ref={scroller}
        tabIndex={0}
        role="group"
        aria-label="What runs where"
        className="min-h-0 flex-1 overflow-auto"
      >
        <table className="w-max min-w-full border-separate border-spacing-0">
          <caption className="sr-only">What runs of each application in each environment</caption>
          <thead>
            <tr>
              <th
                scope="col"
                className="sticky top-0 left-0 z-20 border-r border-b border-line bg-panel px-3 py-1.5 text-left font-medium text-muted"
              >
                Application
              </th>
              {environments.map((one) => (
                <th
                  key={one}
                  scope="col"
                  title={one}
                  className="sticky top-0 z-10 max-w-72 min-w-48 truncate border-b border-line bg-panel px-3 py-1.5 text-left font-medium"
                >
                  <bdi>{one}</bdi>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {applications.map((application) => (
              <tr key={application.name}>
                <th
                  scope="row"
                  title={application.name}
                  className="sticky left-0 max-w-64 truncate border-r border-b border-line bg-panel px-3 py-1.5 text-left align-top font-medium"
                >
                  <bdi>{application.name}</bdi>
                </th>
                {environments.map((environment) => (
                  <td key={environment} className="max-w-72 border-b border-line p-1 align-top">
                    <Cell
                      rows={application.places[environment] ?? []}
                      onShow={setShown}
                      onMore={() => onList(application.name, environment)}
                    />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {last > 0 && (
        <div className="flex items-center gap-2 border-t border-line bg-panel px-3 py-1 text-muted">
          Applications {(page * APPLICATIONS + 1).toLocaleString("en")} to{" "}
          {Math.min(total, (page + 1) * APPLICATIONS).toLocaleString("en")} of{" "}
          {total.toLocaleString("en")}
          <Button className="ml-auto" disabled={page === 0} onClick={() => turn(page - 1)}>
            Back
          </Button>
          <Button disabled={page >= last} onClick={() => turn(page + 1)}>
            On
          </Button>
        </div>
      )}
      {shown && <DeploymentDialog row={shown} onClose={() => setShown(null)} />}
    </>
  );
}

function Cell(props: {
  rows: readonly DeploymentRow[];
  onShow: (row: DeploymentRow) => void;
  onMore: () => void;
}) {
  const { rows } = props;
  if (rows.length === 0)
    return (
      <span className="block px-2 py-1 text-muted">
        <span aria-hidden="true">·</span>
        <span className="sr-only">nothing</span>
      </span>
    );
  return (
    <div className="grid gap-1">
      {rows.slice(0, IN_A_CELL).map((row) => (
        <button
          key={row.deployment.deployment_id}
          type="button"
          onClick={() => props.onShow(row)}
          className={cx(
            "grid min-w-0 gap-0.5 rounded border px-2 py-1 text-left hover:bg-raised",
            row.concerns.includes("rejected") || row.concerns.includes("deleted")
              ? "border-bad"
              : "border-line",
            row.deployment.status === "live" ? "bg-panel" : "bg-ground",
          )}
        >
          <span className="flex min-w-0 items-center gap-1.5">
            <bdi className="truncate font-medium">{row.model}</bdi>
            <span className="shrink-0">v{row.deployment.model_version}</span>
            {row.deployment.traffic < 1 && (
              <span className="shrink-0 text-muted">
                {Math.round(row.deployment.traffic * 100)} %
              </span>
            )}
          </span>
          <span className="flex items-center gap-1.5 overflow-hidden text-xs text-muted">
            {row.deployment.application_version && (
              <span className="truncate">{row.deployment.application_version}</span>
            )}
            <Since moment={row.deployment.started_at} />
            {row.deployment.status !== "live" && <span>over</span>}
            <Concerns row={row} isShort />
          </span>
        </button>
      ))}
      {rows.length > IN_A_CELL && (
        <Button look="quiet" onClick={props.onMore}>
          {count(rows.length - IN_A_CELL, "more", "more")}
        </Button>
      )}
    </div>
  );
}
