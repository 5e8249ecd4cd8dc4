/** Oneself: password, sessions, keys and colours. */

import { useState, type FormEvent } from "react";

import { useChange, userPath, useSessions, type OwnSession } from "../../api/access";
import type { WhoAmI } from "../../api/session";
import { SingleKeys } from "../../shell/SingleKeys";
import { chooseTheme, useTheme, type Theme } from "../../shell/theme";
import { Button, Chip, Failure, Waiting } from "../../ui";
import { ago, when } from "../../ui/format";
import { useAct } from "../../ui/useAct";
import { Facts, Section } from "../../ui/parts";
import { Choose, Field, fieldOf, List, Told, useDone } from "./parts";
import type { TabProps } from "./SettingsPage";
import { SignInOff } from "./SignInOff";

export default function Profile({ who }: TabProps) {
  const isOn = who.kind !== "local";
  return (
    <div className="flex max-w-4xl flex-col gap-4 p-4">
      {isOn ? (
        <Section title="You">
          <Facts
            of={[
              ["Name", <bdi key="name">{who.name}</bdi>],
              [
                "Called",
                who.display_name !== who.name && <bdi key="called">{who.display_name}</bdi>,
              ],
              ["Role on the warehouse", who.role],
            ]}
          />
        </Section>
      ) : (
        <SignInOff what="Passwords, sessions and tokens are for servers where people sign in." />
      )}
      <Preferences />
      {isOn && <Password who={who} />}
      {isOn && <Sessions />}
    </div>
  );
}

function Preferences() {
  const { chosen } = useTheme();
  return (
    <Section title="This browser">
      <div className="flex flex-wrap items-end gap-6 p-3">
        <Choose<Theme>
          label="Colours"
          value={chosen}
          of={[
            ["auto", "As the system says"],
            ["light", "Light"],
            ["dark", "Dark"],
          ]}
          onChange={chooseTheme}
        />
        <SingleKeys className="h-8" />
      </div>
    </Section>
  );
}

const WORDS = { current_password: /wrong|sign in|attempt/i, password: /password/i };

function Password({ who }: { who: WhoAmI }) {
  const change = useChange();
  const act = useAct();
  const [isDone, setDone] = useState(false);
  const [again, setAgain] = useState("");
  const wrong = fieldOf(act.error, WORDS);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const given = Object.fromEntries(new FormData(form)) as Record<string, string>;
    setDone(false);
    if (given["password"] !== given["again"]) return setAgain("These are two different passwords");
    setAgain("");
    const { password, current_password } = given;
    const isSet = await act.run(() =>
      change("POST", userPath(who.name, "/password"), { password, current_password }),
    );
    if (!isSet) return;
    form.reset();
    setDone(true);
  }

  return (
    <Section title="Password">
      <form
        onSubmit={(event) => void submit(event)}
        className="grid grid-cols-[repeat(auto-fit,minmax(13rem,1fr))] items-start gap-3 p-3"
      >
        {/* Password managers want to know whose it is. */}
        <input type="hidden" name="username" autoComplete="username" value={who.name} readOnly />
        <Field
          label="Password now"
          name="current_password"
          type="password"
          autoComplete="current-password"
          required
          error={wrong === "current_password" ? act.error : undefined}
        />
        <Field
          label="New password"
          name="password"
          type="password"
          autoComplete="new-password"
          required
          hint="Ten characters or more"
          error={wrong === "password" ? act.error : undefined}
        />
        <Field
          label="New password, again"
          name="again"
          type="password"
          autoComplete="new-password"
          required
          error={again || undefined}
        />
        <div className="col-span-full flex items-center gap-3">
          <Button type="submit" look="main" disabled={act.isBusy}>
            Change the password
          </Button>
          <span role="status" className={act.error && wrong === "" ? "text-bad" : "text-muted"}>
            {wrong === "" && act.error}
            {isDone && "It is changed; your other sessions have ended."}
          </span>
        </div>
      </form>
    </Section>
  );
}

function Sessions() {
  const found = useSessions();
  const change = useChange();
  const [done, setDone, act] = useDone();
  const others = (found.data ?? []).filter((one) => !one.is_this);
  return (
    <Section
      title="Where you are signed in"
      side={
        others.length > 0 && (
          <Button
            onClick={() =>
              void act(() => change("DELETE", "sessions"), { words: "All others have ended" })
            }
          >
            End all others
          </Button>
        )
      }
    >
      {found.isPending && <Waiting />}
      {found.isError && <Failure error={found.error} onRetry={() => void found.refetch()} />}
      {found.data && (
        <List<OwnSession>
          label="Sessions"
          heads={["Browser", "Address", "Signed in", "Last used", ""]}
          rows={found.data}
          keyOf={(one) => one.session_id}
          nothing="You are here without a session: by a token or by a password with each request."
          show={(one) => [
            <span key="agent" title={one.agent}>
              <bdi>{browserOf(one.agent)}</bdi> {one.is_this && <Chip>this one</Chip>}
            </span>,
            <bdi key="address">{one.address}</bdi>,
            <span key="at" title={when(one.started_at)}>
              {ago(one.started_at)} by {one.method}
            </span>,
            <span key="seen" title={when(one.seen_at)}>
              {ago(one.seen_at)}
            </span>,
            !one.is_this && (
              <Button
                key="end"
                onClick={() =>
                  void act(() => change("DELETE", `sessions/${one.session_id}`), {
                    words: "That session has ended",
                  })
                }
              >
                End
              </Button>
            ),
          ]}
        />
      )}
      <div className="px-3">
        <Told done={done} onDone={setDone} />
      </div>
    </Section>
  );
}

/** A browser's name out of what it says of itself. */
function browserOf(agent: string): string {
  const name = /(Firefox|Edg|OPR|Chrome|Safari)\/(\d+)/.exec(agent);
  const system = /(Windows|Mac OS X|Android|iPhone|Linux)/.exec(agent)?.[1];
  const words = [
    name && `${name[1]?.replace("Edg", "Edge").replace("OPR", "Opera")} ${name[2]}`,
    system,
  ];
  return words.filter(Boolean).join(" on ") || agent || "unknown";
}
