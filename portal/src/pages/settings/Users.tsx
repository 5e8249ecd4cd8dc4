/** Users: made, given roles, kept out, and removed. */

import { useState, type FormEvent } from "react";

import { ROLES, useChange, userPath, useUsers, type Role, type User } from "../../api/access";
import { Button, Chip, Dialog, Failure, Waiting } from "../../ui";
import { ago, count, when } from "../../ui/format";
import { useAct } from "../../ui/useAct";
import { holds, SearchBox, Section } from "../../ui/parts";
import { Choose, Confirm, Field, fieldOf, List, Told, useDone } from "./parts";
import type { TabProps } from "./SettingsPage";
import { SignInOff } from "./SignInOff";

const WORDS = { password: /password/i, name: /name|user/i };

export default function Users({ who }: TabProps) {
  const users = useUsers();
  const change = useChange();
  const [words, setWords] = useState("");
  const [reset, setReset] = useState<User | null>(null);
  const [removed, setRemoved] = useState<User | null>(null);
  const [done, setDone, act] = useDone();
  const update = (user: User, to: Partial<User>, said: string) => {
    const before = Object.fromEntries(
      Object.keys(to).map((name) => [name, user[name as keyof User]]),
    );
    return act(() => change("PATCH", userPath(user.name), to), {
      words: said,
      undo: () => change("PATCH", userPath(user.name), before),
    });
  };
  const shown = (users.data ?? []).filter((one) => holds(`${one.name} ${one.display_name}`, words));
  return (
    <div className="flex max-w-6xl flex-col gap-4 p-4">
      {who.kind === "local" && <SignInOff what="Users made here can sign in once it is on." />}
      <NewUser />
      <Section
        title={users.data ? count(users.data.length, "user") : "Users"}
        side={<SearchBox label="Find a user" value={words} onChange={setWords} />}
      >
        {users.isPending && <Waiting />}
        {users.isError && <Failure error={users.error} onRetry={() => void users.refetch()} />}
        {users.data && (
          <List<User>
            label="Users"
            heads={["User", "Called", "Role", "Signs in by", "Last seen", ""]}
            rows={shown}
            keyOf={(one) => one.name}
            nothing={words ? "Nobody has these words in the name." : "There is no user yet."}
            show={(one) => [
              <span key="name">
                <bdi>{one.name}</bdi> {one.is_disabled && <Chip>kept out</Chip>}{" "}
                {one.name === who.name && <Chip>you</Chip>}
              </span>,
              <bdi key="called">{one.display_name}</bdi>,
              <Choose<Role>
                key="role"
                label={`Role of ${one.name}`}
                isHidden
                value={one.role}
                of={ROLES}
                onChange={(role) => void update(one, { role }, `${one.name} is ${role} now.`)}
              />,
              one.issuer ? "single sign-on" : "password",
              <span key="seen" title={when(one.signed_in_at)}>
                {ago(one.signed_in_at) || "never"}
              </span>,
              <span key="acts" className="flex gap-1">
                <Button
                  onClick={() =>
                    void update(
                      one,
                      { is_disabled: !one.is_disabled },
                      one.is_disabled
                        ? `${one.name} may sign in again.`
                        : `${one.name} is kept out, and signed out everywhere.`,
                    )
                  }
                >
                  {one.is_disabled ? "Let in" : "Keep out"}
                </Button>
                <Button onClick={() => setReset(one)}>Set password</Button>
                <Button look="danger" onClick={() => setRemoved(one)}>
                  Delete
                </Button>
              </span>,
            ]}
          />
        )}
        <div className="px-3">
          <Told done={done} onDone={setDone} />
        </div>
      </Section>
      {reset && (
        <SetPassword
          user={reset}
          onClose={() => setReset(null)}
          onDone={() => setDone({ words: `${reset.name} has another password.` })}
        />
      )}
      {removed && (
        <Confirm
          title="Delete this user?"
          name={removed.name}
          verb="Delete the user"
          onConfirm={() => change("DELETE", userPath(removed.name))}
          onClose={() => setRemoved(null)}
        >
          Their tokens and grants go with them. What they made stays. To keep somebody out for a
          while, use “Keep out”.
        </Confirm>
      )}
    </div>
  );
}

function NewUser() {
  const change = useChange();
  const act = useAct();
  const [role, setRole] = useState<Role>("viewer");
  const [made, setMade] = useState("");
  const wrong = fieldOf(act.error, WORDS);
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const given = Object.fromEntries(new FormData(form)) as Record<string, string>;
    const { name = "", display_name, password } = given;
    setMade("");
    const body = { name, display_name, role, password: password || null };
    if (!(await act.run(() => change("POST", "users", body)))) return;
    form.reset();
    setMade(name);
  }
  return (
    <Section title="Make a user">
      <form
        onSubmit={(event) => void submit(event)}
        className="flex flex-wrap items-start gap-3 p-3"
      >
        <Field
          label="Name"
          name="name"
          required
          autoComplete="off"
          className="w-48"
          error={wrong === "name" ? act.error : undefined}
        />
        <Field label="Called" name="display_name" autoComplete="off" className="w-48" />
        <Field
          label="Password"
          name="password"
          type="password"
          autoComplete="new-password"
          hint="None: tokens or single sign-on only"
          className="w-64"
          error={wrong === "password" ? act.error : undefined}
        />
        <Choose<Role> label="Role" value={role} of={ROLES} onChange={setRole} />
        <div className="flex w-full items-center gap-3">
          <Button type="submit" look="main" disabled={act.isBusy}>
            Make the user
          </Button>
          <span role="status" className={act.error ? "text-bad" : "text-muted"}>
            {wrong === "" && act.error}
            {made && `${made} is made.`}
          </span>
        </div>
      </form>
    </Section>
  );
}

function SetPassword(props: { user: User; onClose: () => void; onDone: () => void }) {
  const change = useChange();
  const act = useAct();
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.currentTarget));
    if (await act.run(() => change("POST", userPath(props.user.name, "/password"), given))) {
      props.onDone();
      props.onClose();
    }
  }
  return (
    <Dialog
      title={`A password for ${props.user.name}`}
      isOpen
      onClose={props.onClose}
      width="26rem"
    >
      <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-3">
        <Field
          label="Password"
          name="password"
          type="password"
          autoComplete="new-password"
          required
          autoFocus
          hint="Ten characters or more. All sessions of theirs end."
          error={act.error || undefined}
        />
        <Button type="submit" look="main" disabled={act.isBusy} className="self-end">
          Set it
        </Button>
      </form>
    </Dialog>
  );
}
