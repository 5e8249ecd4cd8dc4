/** The aliases of a model, and the dialog that moves one: first the gates are asked, then it moves. */

import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";

import { moveAlias, removeAlias, useGateCheck, type Model } from "../../api/models";
import { useKeys, type Key } from "../../shell/keys";
import { Button, Dialog, Failure, Keys, Waiting } from "../../ui";
import { useAct } from "../../ui/useAct";
import { FormFoot, Remark, Section } from "../../ui/parts";
import { GateResults } from "./GateResults";
import { Alias, byRank, Field, INPUT, Refusal, VersionLink } from "./parts";

export function Aliases({ model }: { model: Model }) {
  const [moving, setMoving] = useState<string | null>(null);
  const keys = useMemo<Key[]>(
    () => [{ keys: "m", does: "Move an alias", act: () => setMoving("") }],
    [],
  );
  useKeys("Aliases", keys);
  const aliases = byRank(model.aliases);
  return (
    <Section
      title="Aliases"
      side={
        <Button look="quiet" onClick={() => setMoving("")}>
          Move <Keys of="m" />
        </Button>
      }
    >
      {aliases.length === 0 && (
        <Remark>
          None yet. An alias such as <code>champion</code> names the version that counts, and may
          move.
        </Remark>
      )}
      <ul>
        {aliases.map(([alias, version]) => (
          <li
            key={alias}
            className="flex items-center gap-2 border-b border-line px-3 py-1 last:border-0"
          >
            <Alias name={alias} />
            <span aria-hidden="true" className="text-muted">
              →
            </span>
            <VersionLink name={model.name} version={version} />
            <Button
              look="quiet"
              className="ml-auto"
              aria-label={`Move ${alias}`}
              onClick={() => setMoving(alias)}
            >
              Move …
            </Button>
          </li>
        ))}
      </ul>
      {moving !== null && (
        <MoveAlias
          name={model.name}
          aliases={model.aliases}
          alias={moving}
          onClose={() => setMoving(null)}
        />
      )}
    </Section>
  );
}

interface MoveProps {
  name: string;
  aliases: Readonly<Record<string, number>>;
  /** Which is meant; empty where that is to be chosen. */
  alias: string;
  /** To which version; where it is not said, it is asked for. */
  version?: number;
  onClose: () => void;
}

export function MoveAlias({ name, aliases, alias: first, version: to, onClose }: MoveProps) {
  const client = useQueryClient();
  const act = useAct();
  const [alias, setAlias] = useState(first || (to === undefined ? "" : "champion"));
  const [version, setVersion] = useState(to === undefined ? "" : String(to));
  const current = aliases[alias];
  const isMove = /^[1-9]\d*$/.test(version) && alias !== "" && Number(version) !== current;
  const gates = useGateCheck({ name, version: isMove ? version : "" }, isMove ? alias : "");
  const isClosed = gates.data?.some((one) => !one.holds) ?? false;

  const done = async (doing: () => Promise<unknown>) => {
    if (!(await act.run(doing))) return;
    await client.invalidateQueries({ queryKey: ["models"] });
    onClose();
  };

  return (
    <Dialog title={`Move an alias of ${name}`} isOpen onClose={onClose} width="38rem">
      <form
        className="grid gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (isMove && !isClosed) void done(() => moveAlias(name, alias, Number(version)));
        }}
      >
        <div className="grid grid-cols-2 gap-3">
          <Field label="Alias" hint={current ? `points at v${current} now` : "a new one"}>
            <input
              autoFocus={!first}
              list="known-aliases"
              value={alias}
              onChange={(event) => setAlias(event.target.value.trim())}
              className={INPUT}
            />
            <datalist id="known-aliases">
              {Object.keys(aliases).map((one) => (
                <option key={one} value={one} />
              ))}
            </datalist>
          </Field>
          <Field label="To version">
            <input
              autoFocus={Boolean(first)}
              inputMode="numeric"
              value={version}
              placeholder="such as 3"
              onChange={(event) => setVersion(event.target.value.replace(/^v/, "").trim())}
              className={INPUT}
            />
          </Field>
        </div>
        <div aria-live="polite" className="grid gap-2">
          {isMove && gates.isPending && <Waiting what="Asking the gates" />}
          {isMove && gates.isError && <Failure error={gates.error} />}
          {isMove && gates.data && <GateResults results={gates.data} />}
          {current !== undefined && Number(version) === current && (
            <p className="text-muted">It points there already.</p>
          )}
        </div>
        <Refusal error={act.error} />
        <FormFoot
          does={current === undefined ? "Set it" : "Move it"}
          isReady={isMove && !isClosed && gates.data !== undefined && !act.isBusy}
          onClose={onClose}
        >
          {current !== undefined && (
            <Button
              look="danger"
              disabled={act.isBusy}
              onClick={() => void done(() => removeAlias(name, alias))}
            >
              Remove @{alias}
            </Button>
          )}
          <span className="ml-auto" />
        </FormFoot>
      </form>
    </Dialog>
  );
}
