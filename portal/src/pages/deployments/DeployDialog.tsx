/** Write down that a version is live somewhere from now on. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";

import { askDeployments, deploy } from "../../api/deployments";
import { askModels } from "../../api/models";
import { Dialog } from "../../ui";
import { FormFoot } from "../../ui/parts";
import { useAct } from "../../ui/useAct";
import { Field, INPUT, Refusal } from "../models/parts";

interface Props {
  /** What is known already, as on the page of a version. */
  first?: { model?: string; version?: number; environment?: string; application?: string };
  onClose: () => void;
}

export function DeployDialog({ first = {}, onClose }: Props) {
  const client = useQueryClient();
  const act = useAct();
  const [model, setModel] = useState(first.model ?? "");
  const [version, setVersion] = useState(first.version ? String(first.version) : "");
  const [environment, setEnvironment] = useState(first.environment ?? "");
  const [application, setApplication] = useState(first.application ?? "");
  const [applicationVersion, setApplicationVersion] = useState("");
  const [image, setImage] = useState("");
  const [endpoint, setEndpoint] = useState("");
  const [traffic, setTraffic] = useState("100");
  const [keepsOthers, setKeepsOthers] = useState(false);
  const models = useModelNames(model);
  const environments = useEnvironments();
  const isReady =
    model !== "" &&
    /^[1-9]\d*$/.test(version) &&
    environment.trim() !== "" &&
    application.trim() !== "" &&
    Number(traffic) >= 0 &&
    Number(traffic) <= 100;

  async function record() {
    const body = {
      model,
      version: Number(version),
      environment,
      application,
      application_version: applicationVersion || null,
      image_digest: image || null,
      endpoint: endpoint || null,
      traffic: Number(traffic) / 100,
      keep_others: keepsOthers,
    };
    if (!(await act.run(() => deploy(body)))) return;
    await client.invalidateQueries({ queryKey: ["models"] });
    onClose();
  }

  return (
    <Dialog title="Record a deployment" isOpen onClose={onClose} width="40rem">
      <form
        className="grid gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady) void record();
        }}
      >
        <div className="grid grid-cols-2 gap-3">
          <Field label="Model">
            <input
              autoFocus={!first.model}
              list="deploy-models"
              value={model}
              onChange={(event) => setModel(event.target.value)}
              className={INPUT}
            />
            <datalist id="deploy-models">
              {models.map((one) => (
                <option key={one} value={one} />
              ))}
            </datalist>
          </Field>
          <Field label="Version">
            <input
              autoFocus={Boolean(first.model) && !first.version}
              inputMode="numeric"
              value={version}
              onChange={(event) => setVersion(event.target.value.replace(/^v/, "").trim())}
              className={INPUT}
            />
          </Field>
          <Field label="Environment">
            <input
              autoFocus={Boolean(first.version)}
              list="deploy-environments"
              placeholder="production"
              value={environment}
              onChange={(event) => setEnvironment(event.target.value)}
              className={INPUT}
            />
            <datalist id="deploy-environments">
              {environments.map((one) => (
                <option key={one} value={one} />
              ))}
            </datalist>
          </Field>
          <Field label="Application">
            <input
              placeholder="shop"
              value={application}
              onChange={(event) => setApplication(event.target.value)}
              className={INPUT}
            />
          </Field>
          <Field label="Its version">
            <input
              value={applicationVersion}
              onChange={(event) => setApplicationVersion(event.target.value)}
              className={INPUT}
            />
          </Field>
          <Field label="Share of the requests, in %">
            <input
              inputMode="decimal"
              value={traffic}
              onChange={(event) => setTraffic(event.target.value)}
              className={INPUT}
            />
          </Field>
        </div>
        <Field label="Digest of its image" hint="As the registry shows it: sha256:…">
          <input
            value={image}
            onChange={(event) => setImage(event.target.value.trim())}
            className={INPUT}
          />
        </Field>
        <Field label="Endpoint">
          <input
            placeholder="https://…"
            value={endpoint}
            onChange={(event) => setEndpoint(event.target.value.trim())}
            className={INPUT}
          />
        </Field>
        <label className="flex items-center gap-2">
          <input
            type="checkbox"
            checked={keepsOthers}
            onChange={(event) => setKeepsOthers(event.target.checked)}
          />
          Other versions of this model stay live there, beside this one
        </label>
        <Refusal error={act.error} />
        <FormFoot does="Record it" isReady={isReady && !act.isBusy} onClose={onClose}>
          <span className="mr-auto text-xs text-muted">
            mere only writes it down; rolling it out is your platform&apos;s part.
          </span>
        </FormFoot>
      </form>
    </Dialog>
  );
}

function useModelNames(text: string): string[] {
  const search = useDeferredValue(text);
  const wanted = { search, review: "", live: "", order: "name", is_descending: false };
  const found = useQuery({
    queryKey: ["models", "names", search],
    queryFn: async ({ signal }) =>
      (await askModels(wanted, 0, 20, signal)).models.map((one) => one.name),
    staleTime: 60_000,
  });
  return found.data ?? [];
}

function useEnvironments(): string[] {
  const found = useQuery({
    queryKey: ["models", "environments"],
    queryFn: async ({ signal }) =>
      (await askDeployments({ state: "all" }, 0, 1, signal)).environments.map((one) => one.name),
    staleTime: 60_000,
  });
  return found.data ?? [];
}
