/** One deployment: what is known of it, and how it is retired. */

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { retire, type DeploymentRow } from "../../api/deployments";
import { Button, Chip, Dialog } from "../../ui";
import { when } from "../../ui/format";
import { useAct } from "../../ui/useAct";
import { Alias, Field, INPUT, Refusal, ReviewState, VersionLink } from "../models/parts";
import { CopyButton, Facts } from "../../ui/parts";
import { Concerns } from "./concerns";

export function DeploymentDialog({ row, onClose }: { row: DeploymentRow; onClose: () => void }) {
  const { deployment } = row;
  const isLive = deployment.status === "live";
  return (
    <Dialog
      title={`${deployment.application} in ${deployment.environment}`}
      isOpen
      onClose={onClose}
      width="40rem"
    >
      <Facts
        of={[
          [
            "Model",
            <span key="m" className="flex flex-wrap items-center gap-2">
              <VersionLink name={row.model} version={deployment.model_version} isWhole />
              <ReviewState state={row.review} />
              {row.champion === deployment.model_version && <Alias name="champion" />}
              <Concerns row={row} />
            </span>,
          ],
          ["Called then", deployment.model_name === row.model ? "" : deployment.model_name],
          ["Application", `${deployment.application} ${deployment.application_version ?? ""}`],
          ["Endpoint", deployment.endpoint],
          ["Traffic", `${Number((deployment.traffic * 100).toPrecision(4))} %`],
          [
            "Image",
            deployment.image_digest && (
              <span key="i" className="flex items-start gap-1">
                <code className="min-w-0 font-mono text-xs break-all">
                  {deployment.image_digest}
                </code>
                <CopyButton text={deployment.image_digest} />
              </span>
            ),
          ],
          ["Live since", `${when(deployment.started_at)}${by(deployment.deployed_by)}`],
          [
            "Retired",
            deployment.ended_at && `${when(deployment.ended_at)}${by(deployment.retired_by)}`,
          ],
          ["Because", deployment.reason],
          [
            "Tags",
            Object.keys(deployment.tags).length > 0 && (
              <span key="t" className="flex flex-wrap gap-1">
                {Object.entries(deployment.tags).map(([tag, to]) => (
                  <Chip key={tag} title={`${tag}: ${to}`}>
                    {tag}: {to}
                  </Chip>
                ))}
              </span>
            ),
          ],
          [
            "Id",
            <code key="d" className="font-mono text-xs">
              {deployment.deployment_id}
            </code>,
          ],
        ]}
      />
      {isLive ? (
        <Retire id={deployment.deployment_id} onDone={onClose} />
      ) : (
        <div className="flex justify-end">
          <Button onClick={onClose}>Close</Button>
        </div>
      )}
    </Dialog>
  );
}

function Retire({ id, onDone }: { id: string; onDone: () => void }) {
  const client = useQueryClient();
  const act = useAct();
  const [isAsked, setAsked] = useState(false);
  const [reason, setReason] = useState("");

  async function end() {
    if (!(await act.run(() => retire(id, reason)))) return;
    await client.invalidateQueries({ queryKey: ["models"] });
    onDone();
  }

  if (!isAsked)
    return (
      <div className="flex justify-end gap-2">
        <Button look="danger" onClick={() => setAsked(true)}>
          Retire it …
        </Button>
        <Button onClick={onDone}>Close</Button>
      </div>
    );
  return (
    <form
      className="grid gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        void end();
      }}
    >
      <Field
        label="Why it ends"
        hint="mere only writes it down: stopping it is your platform's part."
      >
        <input
          autoFocus
          value={reason}
          onChange={(event) => setReason(event.target.value)}
          className={INPUT}
        />
      </Field>
      <Refusal error={act.error} />
      <div className="flex justify-end gap-2">
        <Button onClick={() => setAsked(false)}>Back</Button>
        <Button type="submit" look="danger" disabled={act.isBusy}>
          Retire it now
        </Button>
      </div>
    </form>
  );
}

function by(name: string | null): string {
  return name ? `, by ${name}` : "";
}
