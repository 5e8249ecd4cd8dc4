/** What can be done with some traces: kept in an evaluation dataset, tagged, deleted. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState, type FormEvent, type ReactNode } from "react";

import { createEvaluationDataset, evaluationDatasetsNamed } from "../../api/evaluation";
import { addToDataset, deleteTraces, tagTraces } from "../../api/traces";
import { Button, Dialog } from "../../ui";
import { count } from "../../ui/format";
import { useAct } from "../../ui/useAct";

const FIELD = "h-7 min-w-0 rounded border border-line bg-ground px-2";

interface Props {
  traces: readonly string[];
  /** Where a new dataset belongs. */
  experiment: string;
  onDeleted: (traces: readonly string[]) => void;
}

export function Actions({ traces, experiment, onDeleted }: Props) {
  const [open, setOpen] = useState<"" | "dataset" | "tag" | "delete">("");
  const [said, setSaid] = useState<ReactNode>(null);
  const close = () => setOpen("");
  const done = (words: ReactNode) => {
    close();
    setSaid(words);
  };
  return (
    <>
      <span role="status" className="text-muted">
        {said}
      </span>
      <Button onClick={() => setOpen("dataset")}>Add to dataset</Button>
      <Button onClick={() => setOpen("tag")}>Tag</Button>
      <Button look="danger" onClick={() => setOpen("delete")}>
        Delete
      </Button>
      <Dialog
        title={`Add ${count(traces.length, "trace")} to an evaluation dataset`}
        isOpen={open === "dataset"}
        onClose={close}
      >
        <DatasetForm traces={traces} experiment={experiment} onDone={done} />
      </Dialog>
      <Dialog
        title={`Tag ${count(traces.length, "trace")}`}
        isOpen={open === "tag"}
        onClose={close}
      >
        <TagForm traces={traces} onDone={done} />
      </Dialog>
      <Dialog
        title={`Delete ${count(traces.length, "trace")}?`}
        isOpen={open === "delete"}
        onClose={close}
      >
        <DeleteForm
          traces={traces}
          onCancel={close}
          onDeleted={() => {
            close();
            onDeleted(traces);
          }}
        />
      </Dialog>
    </>
  );
}

function Refusal({ error }: { error: string }) {
  return error ? (
    <p role="alert" className="text-bad">
      {error}
    </p>
  ) : null;
}

function DatasetForm({
  traces,
  experiment,
  onDone,
}: {
  traces: readonly string[];
  experiment: string;
  onDone: (said: ReactNode) => void;
}) {
  const datasets = useQuery(evaluationDatasetsNamed);
  const [chosen, setChosen] = useState("");
  const [name, setName] = useState("");
  const client = useQueryClient();
  const act = useAct();
  const known = datasets.data ?? [];

  async function add(event: FormEvent) {
    event.preventDefault();
    await act.run(async () => {
      let into = known.find((one) => one.dataset_id === chosen);
      if (!into) {
        into = await createEvaluationDataset(name.trim(), experiment ? [experiment] : []);
        await client.invalidateQueries(evaluationDatasetsNamed);
      }
      const made = await addToDataset(traces, into.dataset_id);
      onDone(
        <>
          {count(made.inserted, "record")} added to{" "}
          <Link
            to="/datasets/evaluation/$dataset"
            params={{ dataset: into.dataset_id }}
            className="text-accent hover:underline"
          >
            <bdi>{into.name}</bdi>
          </Link>
          {made.updated ? `, ${made.updated} merged with those of the same inputs.` : "."}
        </>,
      );
    });
  }

  return (
    <form onSubmit={(event) => void add(event)} className="flex flex-col gap-3">
      <p className="text-muted">
        A record is what the trace&apos;s root was asked and answered, and what was said to be
        expected of it.
      </p>
      <label className="flex items-center gap-2">
        Dataset
        <select
          value={chosen}
          onChange={(event) => setChosen(event.target.value)}
          className={`${FIELD} flex-1`}
        >
          <option value="">A new one</option>
          {known.map((one) => (
            <option key={one.dataset_id} value={one.dataset_id}>
              {one.name}
            </option>
          ))}
        </select>
      </label>
      {chosen === "" && (
        <label className="flex items-center gap-2">
          Name
          <input
            value={name}
            onChange={(event) => setName(event.target.value)}
            className={`${FIELD} flex-1`}
          />
        </label>
      )}
      <Refusal error={act.error || (datasets.error?.message ?? "")} />
      <Button type="submit" look="main" disabled={act.isBusy || (chosen === "" && !name.trim())}>
        Add
      </Button>
    </form>
  );
}

function TagForm({
  traces,
  onDone,
}: {
  traces: readonly string[];
  onDone: (said: string) => void;
}) {
  const [key, setKey] = useState("");
  const [value, setValue] = useState("");
  const client = useQueryClient();
  const act = useAct();

  async function send(to: string | null) {
    await act.run(async () => {
      const { changed } = await tagTraces(traces, { [key.trim()]: to });
      await Promise.all(
        ["traces", "trace"].map((name) => client.invalidateQueries({ queryKey: [name] })),
      );
      onDone(`${to === null ? "Removed the tag of" : "Tagged"} ${count(changed, "trace")}.`);
    });
  }

  return (
    <form
      className="flex flex-col gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        void send(value);
      }}
    >
      <div className="flex gap-2">
        <input
          aria-label="Tag"
          placeholder="Tag"
          value={key}
          onChange={(event) => setKey(event.target.value)}
          className={`${FIELD} flex-1`}
        />
        <input
          aria-label="Value"
          placeholder="Value"
          value={value}
          onChange={(event) => setValue(event.target.value)}
          className={`${FIELD} flex-1`}
        />
      </div>
      <Refusal error={act.error} />
      <div className="flex gap-2">
        <Button type="submit" look="main" disabled={act.isBusy || !key.trim()}>
          Set
        </Button>
        <Button disabled={act.isBusy || !key.trim()} onClick={() => void send(null)}>
          Remove that tag
        </Button>
      </div>
    </form>
  );
}

function DeleteForm({
  traces,
  onCancel,
  onDeleted,
}: {
  traces: readonly string[];
  onCancel: () => void;
  onDeleted: () => void;
}) {
  const act = useAct();
  return (
    <div className="flex flex-col gap-3">
      <p>
        They are in no list any more, with their spans and what was said of them. Until somebody
        purges deleted traces, they can be brought back.
      </p>
      <Refusal error={act.error} />
      <div className="flex gap-2">
        <Button
          look="danger"
          disabled={act.isBusy}
          onClick={() => void act.run(() => deleteTraces(traces)).then((is) => is && onDeleted())}
        >
          Delete
        </Button>
        <Button onClick={onCancel}>Cancel</Button>
      </div>
    </div>
  );
}
