/** Small parts that the pages of evaluation datasets share. */

import { Link } from "@tanstack/react-router";
import { useMemo } from "react";

import { useExperiments } from "../../api/experiments";
import { Button, Dialog } from "../../ui";
import { useAct } from "../../ui/useAct";

export const LINK = "text-accent hover:underline";

/** What experiments are called, by their ids. */
export function useExperimentNames(): ReadonlyMap<string, string> {
  const { data } = useExperiments();
  return useMemo(() => new Map((data ?? []).map((one) => [one.experiment_id, one.name])), [data]);
}

export function ExperimentLink({ id, name }: { id: string; name: string | undefined }) {
  return (
    <Link to="/p/$experiment" params={{ experiment: id }} title={name} className={LINK}>
      <bdi>{name ?? id}</bdi>
    </Link>
  );
}

/** Asks before something is removed for good. */
export function Removal({
  title,
  warning,
  does,
  isOpen,
  onClose,
  remove,
  onRemoved,
}: {
  title: string;
  warning: string;
  does: string;
  isOpen: boolean;
  onClose: () => void;
  remove: () => Promise<unknown>;
  onRemoved: () => void;
}) {
  const act = useAct();
  return (
    <Dialog title={title} isOpen={isOpen} onClose={onClose}>
      <div className="flex flex-col gap-3">
        <p>{warning}</p>
        {act.error && (
          <p role="alert" className="text-bad">
            {act.error}
          </p>
        )}
        <div className="flex gap-2">
          <Button
            look="danger"
            disabled={act.isBusy}
            onClick={() => void act.run(remove).then((isDone) => isDone && onRemoved())}
          >
            {does}
          </Button>
          <Button onClick={onClose}>Cancel</Button>
        </div>
      </div>
    </Dialog>
  );
}
