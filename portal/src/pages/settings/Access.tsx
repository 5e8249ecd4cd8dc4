/** Grants: who has which role on which experiment or model, before their role on the warehouse. */

import { useState, type FormEvent } from "react";

import {
  ROLES,
  useChange,
  useGrants,
  useGroups,
  useUsers,
  type Grant,
  type Role,
} from "../../api/access";
import { useExperiments } from "../../api/experiments";
import type { WhoAmI } from "../../api/session";
import { Button, Chip, Failure, Waiting } from "../../ui";
import { count } from "../../ui/format";
import { useAct } from "../../ui/useAct";
import { holds, SearchBox, Section } from "../../ui/parts";
import { Choose, Field, List, Told, useDone } from "./parts";
import type { TabProps } from "./SettingsPage";
import { SignInOff } from "./SignInOff";

export default function Access({ who }: TabProps) {
  const grants = useGrants();
  const change = useChange();
  const named = useNames();
  const [words, setWords] = useState("");
  const [done, setDone, act] = useDone();
  const shown = (grants.data ?? []).filter((one) =>
    holds(`${named.principal(one)} ${named.object(one)} ${one.role}`, words),
  );
  const bodyOf = ({ principal_kind, principal, object_kind, object_id, role }: Grant) => ({
    principal_kind,
    principal,
    object_kind,
    object_id,
    role,
  });
  return (
    <div className="flex max-w-5xl flex-col gap-4 p-4">
      <Explained who={who} />
      <GiveGrant />
      <Section
        title={grants.data ? count(grants.data.length, "grant") : "Grants"}
        side={<SearchBox label="Find a grant" value={words} onChange={setWords} />}
      >
        {grants.isPending && <Waiting />}
        {grants.isError && <Failure error={grants.error} onRetry={() => void grants.refetch()} />}
        {grants.data && (
          <List<Grant>
            label="Grants"
            heads={["Who", "Role", "On", "Given by", ""]}
            rows={shown}
            keyOf={(one) =>
              [one.principal_kind, one.principal, one.object_kind, one.object_id].join("\n")
            }
            nothing={
              words
                ? "No grant has these words."
                : "None yet: everybody has their role on the warehouse on all that is in it."
            }
            show={(one) => [
              <span key="who">
                <bdi>{named.principal(one)}</bdi>{" "}
                {one.principal_kind === "group" && <Chip>group</Chip>}
              </span>,
              <Choose<Role>
                key="role"
                label={`Role of ${named.principal(one)} on ${named.object(one)}`}
                isHidden
                value={one.role}
                of={ROLES}
                onChange={(role) =>
                  void act(() => change("PUT", "grants", { ...bodyOf(one), role }), {
                    words: `${named.principal(one)} is ${role} on ${named.object(one)}.`,
                    undo: () => change("PUT", "grants", bodyOf(one)),
                  })
                }
              />,
              <bdi key="on">{named.object(one)}</bdi>,
              <bdi key="by">{one.granted_by}</bdi>,
              <Button
                key="take"
                onClick={() =>
                  void act(() => change("DELETE", "grants", bodyOf(one)), {
                    words: `It is taken from ${named.principal(one)}.`,
                    undo: () => change("PUT", "grants", bodyOf(one)),
                  })
                }
              >
                Take away
              </Button>,
            ]}
          />
        )}
        <div className="px-3">
          <Told done={done} onDone={setDone} />
        </div>
      </Section>
    </div>
  );
}

function Explained({ who }: { who: WhoAmI }) {
  if (who.kind === "local") return <SignInOff what="Grants hold once it is on." />;
  return (
    <p className="text-muted">
      A grant goes before the role on the warehouse: one on a single experiment or model before one
      on all of them, one to a user before one to a group. The role <em>none</em> keeps somebody
      out.
    </p>
  );
}

/** Groups and experiments by name, as grants have their numbers. */
function useNames() {
  const groups = useGroups();
  const experiments = useExperiments();
  const group = new Map((groups.data ?? []).map((one) => [String(one.group_id), one.name]));
  const experiment = new Map((experiments.data ?? []).map((one) => [one.experiment_id, one.name]));
  return {
    principal: (one: Grant) =>
      one.principal_kind === "group"
        ? (group.get(one.principal) ?? `group ${one.principal}`)
        : one.principal,
    object: (one: Grant) => {
      if (one.object_kind === "warehouse") return "the warehouse";
      if (one.object_id === "*") return `all ${one.object_kind}s`;
      if (one.object_kind === "model") return `model ${one.object_id}`;
      return `experiment ${experiment.get(one.object_id) ?? one.object_id}`;
    },
  };
}

function GiveGrant() {
  const users = useUsers();
  const groups = useGroups();
  const experiments = useExperiments();
  const change = useChange();
  const act = useAct();
  const [whom, setWhom] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [kind, setKind] = useState<Grant["object_kind"]>("experiment");
  const [object, setObject] = useState("");
  const [given, setGiven] = useState("");
  async function submit(event: FormEvent) {
    event.preventDefault();
    const [principal_kind, ...rest] = whom.split(":");
    const body = {
      principal_kind,
      principal: rest.join(":"),
      object_kind: kind,
      object_id: object || "*",
      role,
    };
    setGiven("");
    if (await act.run(() => change("PUT", "grants", body))) setGiven("It is given.");
  }
  return (
    <Section title="Give a role">
      <form
        onSubmit={(event) => void submit(event)}
        className="flex flex-wrap items-start gap-3 p-3"
      >
        <Choose
          label="To whom"
          value={whom}
          of={[
            ["", "choose"],
            ...(users.data ?? []).map((one) => [`user:${one.name}`, one.name] as const),
            ...(groups.data ?? []).map(
              (one) => [`group:${one.group_id}`, `${one.name} (group)`] as const,
            ),
          ]}
          onChange={setWhom}
        />
        <Choose<Role> label="Role" value={role} of={ROLES} onChange={setRole} />
        <Choose<Grant["object_kind"]>
          label="On"
          value={kind}
          of={["experiment", "model"]}
          onChange={(next) => {
            setKind(next);
            setObject("");
          }}
        />
        {kind === "experiment" ? (
          <Choose
            label="Which"
            value={object}
            of={[
              ["", "all of them"],
              ...(experiments.data ?? []).map((one) => [one.experiment_id, one.name] as const),
            ]}
            onChange={setObject}
          />
        ) : (
          <Field
            label="Its name"
            value={object}
            placeholder="all of them"
            onChange={(event) => setObject(event.target.value)}
          />
        )}
        <div className="flex w-full items-center gap-3">
          <Button type="submit" look="main" disabled={act.isBusy || whom === ""}>
            Give it
          </Button>
          <span role="status" className={act.error ? "text-bad" : "text-muted"}>
            {act.error || given}
          </span>
        </div>
      </form>
    </Section>
  );
}
