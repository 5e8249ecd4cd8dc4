/** Tokens: for programs; made here, shown once, taken back here. */

import { useState, type FormEvent } from "react";

import { ROLES, useChange, useTokens, useUsers, type Role, type Token } from "../../api/access";
import { useExperiments } from "../../api/experiments";
import type { WhoAmI } from "../../api/session";
import { Button, Chip, Failure, Waiting } from "../../ui";
import { ago, when } from "../../ui/format";
import { useAct } from "../../ui/useAct";
import { CommandLine, Section } from "../../ui/parts";
import { Choose, Confirm, Field, FIELD, fieldOf, List } from "./parts";
import type { TabProps } from "./SettingsPage";
import { SignInOff } from "./SignInOff";

const DAY_S = 86_400;
const LIVES = [
  ["7", "a week"],
  ["30", "30 days"],
  ["90", "90 days"],
  ["365", "a year"],
  ["", "no end"],
] as const;

export default function Tokens({ who }: TabProps) {
  const isAdmin = who.role === "admin";
  const [owner, setOwner] = useState(who.kind === "local" ? "" : who.name);
  const tokens = useTokens(owner || undefined);
  const [made, setMade] = useState<(Token & { secret: string }) | null>(null);
  const [revoked, setRevoked] = useState<Token | null>(null);
  const change = useChange();
  return (
    <div className="flex max-w-5xl flex-col gap-4 p-4">
      {who.kind === "local" && <SignInOff what="Programs need no token." />}
      {who.kind === "token" ? (
        <p className="text-muted">A token cannot make tokens: sign in with a password.</p>
      ) : (
        <NewToken who={who} onMade={setMade} />
      )}
      {made && (
        <Section title={`The secret of ${made.name}`}>
          <div className="flex flex-col gap-2 p-3">
            <p>
              <strong>It is shown only now.</strong> Copy it to where your program reads it; here
              only its digest is kept.
            </p>
            <CommandLine text={made.secret} />
            <CommandLine text={`export MLFLOW_TRACKING_TOKEN=${made.secret}`} />
            <Button className="self-start" onClick={() => setMade(null)}>
              I have it
            </Button>
          </div>
        </Section>
      )}
      <Section title="Valid tokens" side={isAdmin && <Owner owner={owner} onChange={setOwner} />}>
        {tokens.isPending && <Waiting />}
        {tokens.isError && <Failure error={tokens.error} onRetry={() => void tokens.refetch()} />}
        {tokens.data && (
          <List<Token>
            label="Tokens"
            heads={["Token", "Begins with", "Of", "May", "Used", "Ends", ""]}
            rows={tokens.data}
            keyOf={(one) => one.token_id}
            nothing="There is none. Make one for each program, so that each can be taken back alone."
            show={(one) => [
              <bdi key="name" title={one.name}>
                {one.name}
              </bdi>,
              <code key="shown">{one.shown}…</code>,
              <bdi key="owner">{one.owner}</bdi>,
              <Bounds key="may" token={one} />,
              <span key="used" title={when(one.used_at)}>
                {ago(one.used_at) || "never"}
              </span>,
              <span key="ends" title={when(one.expires_at)}>
                {ago(one.expires_at) || "never"}
              </span>,
              <Button key="revoke" look="danger" onClick={() => setRevoked(one)}>
                Revoke
              </Button>,
            ]}
          />
        )}
      </Section>
      {revoked && (
        <Confirm
          title="Revoke this token?"
          name={revoked.name}
          verb="Revoke it"
          onConfirm={() => change("DELETE", `tokens/${revoked.token_id}`)}
          onClose={() => setRevoked(null)}
        >
          Whatever uses it is refused from now on, and it cannot be given back.
        </Confirm>
      )}
    </div>
  );
}

function Bounds({ token }: { token: Token }) {
  const bound = (token.experiments?.length ?? 0) + (token.models?.length ?? 0);
  return (
    <span title={[...(token.experiments ?? []), ...(token.models ?? [])].join(", ")}>
      {token.role === "admin" ? "what its user may" : token.role}
      {(token.experiments || token.models) && <Chip>bound to {bound}</Chip>}
    </span>
  );
}

function Owner({ owner, onChange }: { owner: string; onChange: (owner: string) => void }) {
  const users = useUsers();
  const names = (users.data ?? []).map((one) => one.name);
  return (
    <Choose
      label="Whose tokens"
      isHidden
      value={owner}
      of={[["", "Everybody’s"], ...names.map((name) => [name, name] as const)]}
      onChange={onChange}
    />
  );
}

const WORDS = { name: /name/i, owner: /owner|user/i, life_s: /life|expire|second/i };

function NewToken(props: { who: WhoAmI; onMade: (made: Token & { secret: string }) => void }) {
  const { who, onMade } = props;
  const isLocal = who.kind === "local";
  const change = useChange();
  const act = useAct();
  const [role, setRole] = useState<Role>("editor");
  const [life, setLife] = useState<string>("90");
  const [owner, setOwner] = useState("");
  const [isBound, setBound] = useState(false);
  const [bound, setBoundTo] = useState<readonly string[]>([]);
  const users = useUsers();
  const wrong = fieldOf(act.error, WORDS);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const name = String(new FormData(form).get("name"));
    const body = {
      name,
      role,
      life_s: life ? Number(life) * DAY_S : null,
      ...(isBound && { experiments: bound, models: [] }),
      ...(isLocal && owner && { owner }),
    };
    const isMade = await act.run(async () =>
      onMade(await change<Token & { secret: string }>("POST", "tokens", body)),
    );
    if (isMade) form.reset();
  }

  return (
    <Section title="Make a token">
      <form
        onSubmit={(event) => void submit(event)}
        className="flex flex-wrap items-start gap-3 p-3"
      >
        <Field
          label="What it is for"
          name="name"
          required
          placeholder="nightly training"
          className="w-56"
          error={wrong === "name" ? act.error : undefined}
        />
        {isLocal && (
          <Choose
            label="Of whom"
            value={owner}
            of={[["", "choose"], ...(users.data ?? []).map((one) => [one.name, one.name] as const)]}
            onChange={setOwner}
          />
        )}
        <Choose<Role>
          label="It may do no more than"
          value={role}
          of={ROLES.slice(1).map((one) => [one, one === "admin" ? "its user may" : one] as const)}
          onChange={setRole}
        />
        <Choose label="It lives for" value={life} of={LIVES} onChange={setLife} />
        <label className="flex h-8 items-center gap-2 self-end">
          <input
            type="checkbox"
            checked={isBound}
            onChange={(event) => setBound(event.target.checked)}
          />
          For some experiments only
        </label>
        {isBound && <Experiments chosen={bound} onChange={setBoundTo} />}
        <div className="flex w-full items-center gap-3">
          <Button
            type="submit"
            look="main"
            disabled={act.isBusy || (isBound && bound.length === 0)}
          >
            Make it
          </Button>
          <span role="alert" className="text-bad">
            {wrong !== "name" && act.error}
          </span>
        </div>
      </form>
    </Section>
  );
}

function Experiments(props: {
  chosen: readonly string[];
  onChange: (chosen: readonly string[]) => void;
}) {
  const experiments = useExperiments();
  return (
    <label className="flex w-full flex-col gap-1">
      Which (Ctrl chooses several)
      <select
        multiple
        size={5}
        value={[...props.chosen]}
        onChange={(event) =>
          props.onChange([...event.target.selectedOptions].map((one) => one.value))
        }
        className={`${FIELD} h-28 w-full max-w-xl`}
      >
        {(experiments.data ?? []).map((one) => (
          <option key={one.experiment_id} value={one.experiment_id}>
            {one.name}
          </option>
        ))}
      </select>
    </label>
  );
}
