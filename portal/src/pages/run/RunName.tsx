/** The name of a run, renamed in place: by a click or by the key `e`. */

import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";

import { useKeys, type Key } from "../../shell/keys";
import { changeRun, type Run } from "./data";
import { CopyButton } from "../../ui/parts";

export function RunName({ run }: { run: Run }) {
  const client = useQueryClient();
  const [draft, setDraft] = useState<string | null>(null);
  const [error, setError] = useState("");
  const shown = run.name ?? run.run_id.slice(0, 12);
  const keys = useMemo<Key[]>(
    () => [{ keys: "e", does: "Rename the run", act: () => setDraft(run.name ?? "") }],
    [run.name],
  );
  useKeys("A run's name", keys);

  async function save(name: string) {
    setError("");
    try {
      if (name.trim() && name !== run.name) await changeRun(run.run_id, { name });
      setDraft(null);
      await client.invalidateQueries({ queryKey: ["run", run.run_id] });
    } catch (refusal) {
      setError(refusal instanceof Error ? refusal.message : String(refusal));
    }
  }

  if (draft === null)
    return (
      <span className="flex items-center">
        <h1 className="text-base font-semibold">
          <button
            type="button"
            title="Rename (e)"
            className="max-w-[40vw] truncate rounded px-1 hover:bg-raised"
            onClick={() => setDraft(run.name ?? "")}
          >
            {shown}
          </button>
        </h1>
        <CopyButton text={run.run_id} what="Copy id" />
      </span>
    );
  return (
    <form
      className="flex items-center gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        void save(draft);
      }}
    >
      <input
        autoFocus
        aria-label="The run's name"
        value={draft}
        maxLength={250}
        onChange={(event) => setDraft(event.target.value)}
        onKeyDown={(event) => event.key === "Escape" && setDraft(null)}
        onBlur={() => void save(draft)}
        className="h-7 w-72 rounded border border-line bg-ground px-2 text-base"
      />
      {error && (
        <span role="alert" className="text-bad">
          {error}
        </span>
      )}
    </form>
  );
}
