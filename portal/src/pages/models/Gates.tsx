/** The gates of a model: what must hold before an alias moves; made here, and tried before that. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";

import {
  askVersions,
  removeGate,
  setGate,
  tryGate,
  useGates,
  type Gate,
  type GateResult,
  type Model,
} from "../../api/models";
import { useKeys, type Key } from "../../shell/keys";
import { Button, Dialog, Empty, Failure, Keys, Waiting } from "../../ui";
import { useAct } from "../../ui/useAct";
import { FormFoot, Section } from "../../ui/parts";
import { joined, WHATS, written, type Part } from "./conditions";
import { GateOutcome } from "./GateResults";
import type { ModelTabProps } from "./ModelPage";
import { Alias, Field, INPUT, Person, Refusal, Since } from "./parts";

type Editing = Pick<Gate, "gate" | "alias" | "condition" | "description">;

const NEW: Editing = { gate: "", alias: "champion", condition: "", description: null };

export default function Gates({ model }: ModelTabProps) {
  const found = useGates(model.name);
  const client = useQueryClient();
  const act = useAct();
  const [editing, setEditing] = useState<Editing | null>(null);
  const keys = useMemo<Key[]>(
    () => [{ keys: "n", does: "Add a gate", act: () => setEditing(NEW) }],
    [],
  );
  useKeys("Gates", keys);
  if (found.isPending) return <Waiting />;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  const remove = (gate: string) =>
    void act
      .run(() => removeGate(model.name, gate))
      .then(() => client.invalidateQueries({ queryKey: ["models", model.name] }));
  return (
    <div className="mx-auto max-w-4xl p-3">
      <Section
        title={`Gates (${found.data.length})`}
        side={
          <Button look="quiet" onClick={() => setEditing(NEW)}>
            Add <Keys of="n" />
          </Button>
        }
      >
        {found.data.length === 0 && (
          <Empty title="No gates">
            A gate is a condition that must hold of a version before an alias may move to it, such
            as “the metric is no worse than the champion’s” or “somebody approved it”.
          </Empty>
        )}
        <ul>
          {found.data.map((gate) => (
            <li key={gate.gate} className="border-b border-line px-3 py-2 last:border-0">
              <div className="flex flex-wrap items-center gap-2">
                <strong className="min-w-0 truncate font-medium">{gate.gate}</strong>
                {gate.alias ? <Alias name={gate.alias} /> : <span>all aliases</span>}
                <span className="flex min-w-0 items-center gap-1 text-muted">
                  <Person name={gate.created_by} />
                  <Since moment={gate.changed_at} />
                </span>
                <span className="ml-auto flex gap-1">
                  <Button
                    onClick={() => setEditing(gate)}
                    aria-label={`Change or try ${gate.gate}`}
                  >
                    Change or try …
                  </Button>
                  <Button
                    look="quiet"
                    aria-label={`Remove ${gate.gate}`}
                    disabled={act.isBusy}
                    onClick={() => remove(gate.gate)}
                  >
                    Remove
                  </Button>
                </span>
              </div>
              {gate.description && <p className="break-words text-muted">{gate.description}</p>}
              <code className="mt-1 block rounded bg-raised px-2 py-1 font-mono text-xs break-words">
                {gate.condition}
              </code>
            </li>
          ))}
        </ul>
        {act.error && (
          <div className="p-3">
            <Refusal error={act.error} />
          </div>
        )}
      </Section>
      {editing && <GateDialog model={model} gate={editing} onClose={() => setEditing(null)} />}
    </div>
  );
}

function GateDialog({
  model,
  gate,
  onClose,
}: {
  model: Model;
  gate: Editing;
  onClose: () => void;
}) {
  const client = useQueryClient();
  const act = useAct();
  const [name, setName] = useState(gate.gate);
  const [alias, setAlias] = useState(gate.alias ?? "");
  const [description, setDescription] = useState(gate.description ?? "");
  const [condition, setCondition] = useState(gate.condition);
  const isReady = name.trim() !== "" && condition.trim() !== "";

  async function save() {
    const body = { condition, alias: alias || null, description: description || null };
    if (!(await act.run(() => setGate(model.name, name.trim(), body)))) return;
    await client.invalidateQueries({ queryKey: ["models", model.name] });
    onClose();
  }

  return (
    <Dialog
      title={gate.gate ? `Gate “${gate.gate}”` : "A new gate"}
      isOpen
      onClose={onClose}
      width="46rem"
    >
      <form
        className="grid gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady) void save();
        }}
      >
        <div className="grid grid-cols-2 gap-3">
          <Field label="Name">
            <input
              autoFocus={!gate.gate}
              value={name}
              readOnly={gate.gate !== ""}
              onChange={(event) => setName(event.target.value)}
              className={INPUT}
            />
          </Field>
          <Field label="Guards the alias">
            <input
              value={alias}
              placeholder="all aliases"
              onChange={(event) => setAlias(event.target.value.trim())}
              className={INPUT}
            />
          </Field>
        </div>
        <Field label="Why">
          <input
            value={description}
            onChange={(event) => setDescription(event.target.value)}
            className={INPUT}
          />
        </Field>
        <Builder model={model} onAdd={(part) => setCondition(joined(condition, part))} />
        <Field
          label="Condition"
          hint="In the language of searches: and, or, not and parentheses are fine."
        >
          <textarea
            rows={3}
            value={condition}
            spellCheck={false}
            onChange={(event) => setCondition(event.target.value)}
            className="w-full rounded border border-line bg-ground p-2 font-mono text-xs"
          />
        </Field>
        <Trial model={model} condition={condition} alias={alias} />
        <Refusal error={act.error} />
        <FormFoot does="Save the gate" isReady={isReady && !act.isBusy} onClose={onClose} />
      </form>
    </Dialog>
  );
}

/** Puts comparisons together, for whoever does not know the language yet. */
function Builder({ model, onAdd }: { model: Model; onAdd: (part: string) => void }) {
  const [part, setPart] = useState<Part>({ what: "metrics", key: "", operator: ">=", value: "" });
  const known = useQuery({
    queryKey: ["models", model.name, "metric keys"],
    queryFn: async ({ signal }) =>
      (
        await askVersions(
          model.name,
          { search: "", metric: [], order: "version", is_descending: true },
          0,
          1,
          signal,
        )
      ).keys,
  });
  const what = WHATS.find((one) => one.id === part.what) ?? WHATS[0]!;
  const text = written(part);
  const small = "h-8 min-w-0 rounded border border-line bg-ground px-1.5";
  return (
    <fieldset className="flex flex-wrap items-end gap-2 rounded border border-line p-2">
      <legend className="px-1 text-muted">Put it together</legend>
      <select
        aria-label="What is asked of the version"
        value={part.what}
        onChange={(event) => {
          const next = WHATS.find((one) => one.id === event.target.value) ?? WHATS[0]!;
          setPart({
            what: next.id,
            key: next.keyLabel && what.keyLabel === next.keyLabel ? part.key : "",
            operator: next.operators[0] ?? "=",
            value: next.values?.[0] ?? "",
          });
        }}
        className={small}
      >
        {WHATS.map((one) => (
          <option key={one.id} value={one.id}>
            {one.label}
          </option>
        ))}
      </select>
      {what.keyLabel && (
        <>
          <input
            aria-label={what.keyLabel}
            placeholder={what.keyLabel.toLowerCase()}
            list="gate-keys"
            value={part.key}
            onChange={(event) => setPart({ ...part, key: event.target.value })}
            className={`${small} w-36 flex-1`}
          />
          {what.keyLabel === "Metric" && (
            <datalist id="gate-keys">
              {known.data?.map((key) => (
                <option key={key} value={key} />
              ))}
            </datalist>
          )}
        </>
      )}
      <select
        aria-label="How it is compared"
        value={part.operator}
        onChange={(event) => setPart({ ...part, operator: event.target.value })}
        className={small}
      >
        {what.operators.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
      {part.operator !== "is not null" &&
        (what.values ? (
          <select
            aria-label="With what"
            value={part.value}
            onChange={(event) => setPart({ ...part, value: event.target.value })}
            className={small}
          >
            {what.values.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        ) : (
          <input
            aria-label="With what"
            placeholder="value"
            value={part.value}
            onChange={(event) => setPart({ ...part, value: event.target.value })}
            className={`${small} w-24`}
          />
        ))}
      <Button disabled={!text} onClick={() => onAdd(text)}>
        Add to the condition
      </Button>
    </fieldset>
  );
}

/** What the condition would say of a version, before it is anybody's gate. */
function Trial(props: { model: Model; condition: string; alias: string }) {
  const { model, condition, alias } = props;
  const champion = model.aliases[alias] ?? Object.values(model.aliases)[0];
  const [version, setVersion] = useState(champion ? String(champion) : "1");
  const [result, setResult] = useState<GateResult | null>(null);
  const act = useAct();

  function attempt() {
    setResult(null);
    void act.run(async () => {
      setResult(await tryGate({ name: model.name, version }, condition, alias || null));
    });
  }

  return (
    <div className="grid gap-2" aria-live="polite">
      <div className="flex items-center gap-2">
        <label className="flex items-center gap-2">
          Try it on version
          <input
            inputMode="numeric"
            value={version}
            onChange={(event) => setVersion(event.target.value.trim())}
            className={`${INPUT} !w-16`}
          />
        </label>
        <Button
          disabled={!condition.trim() || !/^[1-9]\d*$/.test(version) || act.isBusy}
          onClick={attempt}
        >
          Try
        </Button>
        <span className="text-muted">Nothing is set by that.</span>
      </div>
      <Refusal error={act.error} />
      {result && (
        <ul>
          <GateOutcome result={result} />
        </ul>
      )}
    </div>
  );
}
