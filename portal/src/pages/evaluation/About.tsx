/** What is known of an evaluation dataset: how to use it, its fields, tags and experiments. */

import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import {
  changeEvaluationDataset,
  deleteEvaluationDataset,
  type EvaluationDataset,
} from "../../api/evaluation";
import { Button } from "../../ui";
import { count, number, when } from "../../ui/format";
import { CommandLine, CopyButton, Facts, Remark, Section } from "../../ui/parts";
import { TagBox } from "../../ui/TagBox";
import { useAct } from "../../ui/useAct";
import { ExperimentLink, Removal, useExperimentNames } from "./parts";
import { snippets, sqlOf } from "./snippets";

export function About({ of }: { of: EvaluationDataset }) {
  const client = useQueryClient();
  const refresh = () => client.invalidateQueries({ queryKey: ["datasets", "evaluation"] });
  const change = (to: Parameters<typeof changeEvaluationDataset>[1]) =>
    changeEvaluationDataset(of.dataset_id, to).then(refresh);
  async function tag(key: string, to: string | null) {
    const was = of.tags[key] ?? null;
    await change({ tags: { [key]: to } });
    return () => change({ tags: { [key]: was } });
  }
  return (
    <div className="mx-auto grid max-w-7xl items-start gap-3 p-3 lg:grid-cols-2">
      <div className="flex min-w-0 flex-col gap-3">
        <HowToUse id={of.dataset_id} />
        <Fields of={of} />
      </div>
      <div className="flex min-w-0 flex-col gap-3">
        <Known of={of} />
        <Experiments of={of} onChange={(experiments) => change({ experiments })} />
        <TagBox tags={of.tags} onChange={tag} />
      </div>
    </div>
  );
}

function HowToUse({ id }: { id: string }) {
  return (
    <Section
      title="How to use it"
      side={
        <Link
          to="/query"
          search={{ sql: sqlOf(id) }}
          className="rounded px-2 py-0.5 text-accent hover:underline"
        >
          Open in SQL
        </Link>
      }
    >
      <div className="grid gap-3 p-3">
        {snippets(id, window.location.origin).map(({ why, text }) => (
          <CommandLine key={why} why={why} text={text} />
        ))}
      </div>
    </Section>
  );
}

const PARTS = ["inputs", "expectations", "outputs"] as const;

/** Which fields records have, and of which kind each is. */
function Fields({ of }: { of: EvaluationDataset }) {
  const found = PARTS.flatMap((part) => {
    const kinds = of.schema[part];
    const told =
      typeof kinds === "object" && kinds !== null
        ? Object.entries(kinds)
            .map(([name, kind]) => `${name}: ${String(kind)}`)
            .join(", ")
        : kinds;
    return typeof told === "string" && told ? [[part, <bdi key={part}>{told}</bdi>] as const] : [];
  });
  return (
    <Section title="Fields">
      {found.length ? <Facts of={found} /> : <Remark>There is no record yet.</Remark>}
    </Section>
  );
}

function Known({ of }: { of: EvaluationDataset }) {
  const [isAsking, setAsking] = useState(false);
  const navigate = useNavigate();
  const client = useQueryClient();
  return (
    <Section
      title="About"
      side={
        <Button look="quiet" onClick={() => setAsking(true)}>
          Delete
        </Button>
      }
    >
      <Facts
        of={[
          [
            "Id",
            <span key="id" className="flex items-center gap-1">
              <code className="min-w-0 truncate text-xs" title={of.dataset_id}>
                {of.dataset_id}
              </code>
              <CopyButton text={of.dataset_id} />
            </span>,
          ],
          ["Records", number(of.records)],
          ["Digest", of.digest],
          ["Made", when(of.made_at)],
          ["Made by", of.created_by],
          ["Changed", when(of.changed_at)],
          ["Changed by", of.changed_by],
        ]}
      />
      <Removal
        title="Delete this evaluation dataset?"
        warning={`${count(of.records ?? 0, "record")} in it will be gone for good with it: nothing brings them back.`}
        does="Delete"
        isOpen={isAsking}
        onClose={() => setAsking(false)}
        remove={() => deleteEvaluationDataset(of.dataset_id)}
        onRemoved={() => {
          void navigate({ to: "/datasets", search: { tab: "evaluation" } });
          client.removeQueries({ queryKey: ["datasets", "evaluation"] });
        }}
      />
    </Section>
  );
}

/** What it belongs to: whoever may read all of these may read it. */
function Experiments({
  of,
  onChange,
}: {
  of: EvaluationDataset;
  onChange: (change: Record<string, boolean>) => Promise<unknown>;
}) {
  const names = useExperimentNames();
  const act = useAct();
  const [chosen, setChosen] = useState("");
  const others = [...names].filter(([id]) => !of.experiment_ids.includes(id));
  return (
    <Section title={`Experiments (${of.experiment_ids.length})`}>
      {of.experiment_ids.length === 0 && (
        <Remark>It belongs to none, and so to the warehouse as a whole.</Remark>
      )}
      <ul>
        {of.experiment_ids.map((id) => (
          <li key={id} className="flex items-center gap-2 border-b border-line px-3 py-0.5">
            <span className="min-w-0 flex-1 truncate">
              <ExperimentLink id={id} name={names.get(id)} />
            </span>
            <Button
              look="quiet"
              aria-label={`Take it out of ${names.get(id) ?? id}`}
              disabled={act.isBusy}
              onClick={() => void act.run(() => onChange({ [id]: false }))}
            >
              ✕
            </Button>
          </li>
        ))}
      </ul>
      <form
        className="flex flex-wrap gap-2 p-3"
        onSubmit={(event) => {
          event.preventDefault();
          void act
            .run(() => onChange({ [chosen]: true }))
            .then((isDone) => isDone && setChosen(""));
        }}
      >
        <select
          aria-label="Another experiment"
          value={chosen}
          onChange={(event) => setChosen(event.target.value)}
          className="h-7 min-w-0 flex-1 rounded border border-line bg-ground px-2"
        >
          <option value="">Another experiment</option>
          {others.map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
        <Button type="submit" disabled={act.isBusy || chosen === ""}>
          Add
        </Button>
        {act.error && (
          <p role="alert" className="w-full text-bad">
            {act.error}
          </p>
        )}
      </form>
    </Section>
  );
}
