/** Groups: users who are granted things together. */

import { useState, type FormEvent } from "react";

import { useChange, useGroups, useUsers, type Group } from "../../api/access";
import { Button, Empty, Failure, Waiting } from "../../ui";
import { useAct } from "../../ui/useAct";
import { Section } from "../../ui/parts";
import { Choose, Confirm, Field, Told, useDone } from "./parts";

export default function Groups() {
  const groups = useGroups();
  const change = useChange();
  const [removed, setRemoved] = useState<Group | null>(null);
  return (
    <div className="flex max-w-4xl flex-col gap-4 p-4">
      <NewGroup />
      {groups.isPending && <Waiting />}
      {groups.isError && <Failure error={groups.error} onRetry={() => void groups.refetch()} />}
      {groups.data?.length === 0 && (
        <Empty title="There is no group yet">
          A group is granted roles on experiments and models as a user is, in the tab Access.
        </Empty>
      )}
      {groups.data?.map((one) => (
        <GroupBox key={one.group_id} group={one} onRemove={() => setRemoved(one)} />
      ))}
      {removed && (
        <Confirm
          title="Delete this group?"
          name={removed.name}
          verb="Delete the group"
          onConfirm={() => change("DELETE", `groups/${removed.group_id}`)}
          onClose={() => setRemoved(null)}
        >
          What was granted to it goes with it; its members stay.
        </Confirm>
      )}
    </div>
  );
}

function NewGroup() {
  const change = useChange();
  const act = useAct();
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const body = Object.fromEntries(new FormData(form));
    if (await act.run(() => change("POST", "groups", body))) form.reset();
  }
  return (
    <Section title="Make a group">
      <form
        onSubmit={(event) => void submit(event)}
        className="flex flex-wrap items-start gap-3 p-3"
      >
        <Field label="Name" name="name" required className="w-48" error={act.error || undefined} />
        <Field label="What it is for" name="description" className="w-80" />
        <Button type="submit" look="main" disabled={act.isBusy} className="mt-6">
          Make the group
        </Button>
      </form>
    </Section>
  );
}

function GroupBox({ group, onRemove }: { group: Group; onRemove: () => void }) {
  const users = useUsers();
  const change = useChange();
  const [done, setDone, act] = useDone();
  const path = (name: string) =>
    `groups/${encodeURIComponent(group.group_id)}/members/${encodeURIComponent(name)}`;
  const others = (users.data ?? []).map((one) => one.name);
  const left = others.filter((name) => !group.members.includes(name));
  const join = (name: string) => change("PUT", path(name));
  const leave = (name: string) => change("DELETE", path(name));
  return (
    <Section
      title={<bdi>{group.name}</bdi>}
      side={
        <>
          <Choose
            label={`Put somebody into ${group.name}`}
            isHidden
            value=""
            of={[["", "Put somebody in"], ...left.map((name) => [name, name] as const)]}
            onChange={(name) =>
              void act(() => join(name), {
                words: `${name} is in ${group.name}.`,
                undo: () => leave(name),
              })
            }
          />
          <Button look="danger" onClick={onRemove}>
            Delete
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-2 p-3">
        {group.description && <p className="text-muted">{group.description}</p>}
        {group.members.length === 0 && <p className="text-muted">Nobody is in it.</p>}
        <ul className="flex flex-wrap gap-1.5">
          {group.members.map((name) => (
            <li key={name} className="flex items-center rounded bg-raised pl-2">
              <bdi className="max-w-56 truncate">{name}</bdi>
              <button
                type="button"
                aria-label={`Take ${name} out of ${group.name}`}
                title={`Take ${name} out`}
                onClick={() =>
                  void act(() => leave(name), {
                    words: `${name} is out of ${group.name}.`,
                    undo: () => join(name),
                  })
                }
                className="h-6 w-6 rounded hover:bg-chosen"
              >
                <span aria-hidden="true">✕</span>
              </button>
            </li>
          ))}
        </ul>
        <Told done={done} onDone={setDone} />
      </div>
    </Section>
  );
}
