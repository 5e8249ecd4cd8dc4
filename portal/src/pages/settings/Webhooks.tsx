/** Webhooks: addresses that are told of events, tried out, and what became of each delivery. */

import { useState, type FormEvent } from "react";

import {
  useDeliveries,
  useHookActs,
  useHooks,
  type Delivery,
  type Hook,
  type HookTest,
} from "../../api/webhooks";
import { Button, Chip, cx, Empty, Failure, Waiting } from "../../ui";
import { ago, when } from "../../ui/format";
import { useAct } from "../../ui/useAct";
import { Section } from "../../ui/parts";
import { Choose, Confirm, Field, fieldOf, List, Told, useDone } from "./parts";

const WORDS = {
  name: /webhook name/i,
  url: /url|address|host/i,
  secret: /secret/i,
  events: /event/i,
};

export default function Webhooks() {
  const hooks = useHooks();
  const acts = useHookActs();
  const [removed, setRemoved] = useState<Hook | null>(null);
  return (
    <div className="flex max-w-5xl flex-col gap-4 p-4">
      <NewWebhook events={hooks.data?.events ?? []} />
      {hooks.isPending && <Waiting />}
      {hooks.isError && <Failure error={hooks.error} onRetry={() => void hooks.refetch()} />}
      {hooks.data?.webhooks.length === 0 && (
        <Empty title="Nobody is told of anything yet">
          A webhook sends what happens to models, reviews and deployments to an address of yours,
          signed if you give it a secret, and again if it fails.
        </Empty>
      )}
      {hooks.data?.webhooks.map((one) => (
        <HookBox key={one.webhook_id} hook={one} onRemove={() => setRemoved(one)} />
      ))}
      {removed && (
        <Confirm
          title="Delete this webhook?"
          name={removed.name}
          verb="Delete the webhook"
          onConfirm={() => acts.remove(removed.webhook_id)}
          onClose={() => setRemoved(null)}
        >
          What waits to be sent to it is not sent. To stop for a while, pause it instead.
        </Confirm>
      )}
    </div>
  );
}

function NewWebhook({ events }: { events: readonly string[] }) {
  const acts = useHookActs();
  const act = useAct();
  const wrong = fieldOf(act.error, WORDS);
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const given = new FormData(form);
    const secret = String(given.get("secret"));
    const body = {
      name: String(given.get("name")),
      url: String(given.get("url")),
      events: given.getAll("events").map(String),
      ...(secret && { secret }),
    };
    if (await act.run(() => acts.make(body))) form.reset();
  }
  return (
    <Section title="Make a webhook">
      <form
        onSubmit={(event) => void submit(event)}
        className="flex flex-wrap items-start gap-3 p-3"
      >
        <Field
          label="Name"
          name="name"
          required
          className="w-44"
          error={wrong === "name" ? act.error : undefined}
        />
        <Field
          label="Address"
          name="url"
          type="url"
          required
          placeholder="https://hooks.example.org/mere"
          className="min-w-72 flex-1"
          error={wrong === "url" ? act.error : undefined}
        />
        <Field
          label="Secret"
          name="secret"
          autoComplete="off"
          hint="Signs what is sent"
          className="w-52"
          error={wrong === "secret" ? act.error : undefined}
        />
        <fieldset className="w-full">
          <legend className="mb-1">Events</legend>
          <div className="grid grid-cols-[repeat(auto-fill,minmax(15rem,1fr))] gap-x-4">
            {events.map((one) => (
              <label key={one} className="flex items-center gap-2">
                <input type="checkbox" name="events" value={one} />
                <span className="font-mono text-xs">{one}</span>
              </label>
            ))}
          </div>
          {wrong === "events" && (
            <p role="alert" className="text-bad">
              {act.error}
            </p>
          )}
        </fieldset>
        <div className="flex w-full items-center gap-3">
          <Button type="submit" look="main" disabled={act.isBusy}>
            Make the webhook
          </Button>
          <span role="alert" className="text-bad">
            {wrong === "" && act.error}
          </span>
        </div>
      </form>
    </Section>
  );
}

function HookBox({ hook, onRemove }: { hook: Hook; onRemove: () => void }) {
  const acts = useHookActs();
  const [event, setEvent] = useState(hook.events[0] ?? "");
  const [tested, setTested] = useState<HookTest | null>(null);
  const [hasDeliveries, setDeliveries] = useState(false);
  const [done, setDone, act] = useDone();
  const isActive = hook.status === "ACTIVE";
  const put = (status: string) => acts.change(hook.webhook_id, { status });
  return (
    <Section
      title={
        <span className="flex min-w-0 items-center gap-2">
          <bdi className="truncate">{hook.name}</bdi>
          {!isActive && <Chip>paused</Chip>}
          {hook.is_signed && <Chip>signed</Chip>}
        </span>
      }
      side={
        <>
          <Button
            onClick={() =>
              void act(() => put(isActive ? "DISABLED" : "ACTIVE"), {
                words: isActive ? "It is paused." : "It is told of events again.",
                undo: () => put(hook.status),
              })
            }
          >
            {isActive ? "Pause" : "Go on"}
          </Button>
          <Button look="danger" onClick={onRemove}>
            Delete
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-2 p-3">
        <p className="font-mono text-xs break-all">{hook.url}</p>
        <p className="flex flex-wrap gap-1">
          {hook.events.map((one) => (
            <Chip key={one}>{one}</Chip>
          ))}
        </p>
        <p className="text-muted" title={when(hook.registered_at)}>
          Made {ago(hook.registered_at)}
          {hook.created_by && ` by ${hook.created_by}`}
        </p>
        <div className="flex flex-wrap items-center gap-2">
          <Choose
            label={`Event to try ${hook.name} with`}
            isHidden
            value={event}
            of={hook.events}
            onChange={setEvent}
          />
          <Button
            onClick={() =>
              void act(
                async () => {
                  setTested(null);
                  setTested(await acts.test(hook.webhook_id, event));
                },
                { words: "" },
              )
            }
          >
            Send an example
          </Button>
          <Button
            look="quiet"
            aria-expanded={hasDeliveries}
            onClick={() => setDeliveries(!hasDeliveries)}
          >
            {hasDeliveries ? "Hide deliveries" : "Show deliveries"}
          </Button>
        </div>
        {tested && <Tested test={tested} />}
        <Told done={done} onDone={setDone} />
      </div>
      {hasDeliveries && <Deliveries hook={hook} />}
    </Section>
  );
}

function Tested({ test }: { test: HookTest }) {
  return (
    <div
      role="status"
      className={cx("rounded bg-raised p-2", !test.success && "border border-bad")}
    >
      <p>
        {test.success ? "The receiver took it" : "The receiver did not take it"}
        {test.response_status !== null && `, and answered ${test.response_status}`}
        {test.error && `: ${test.error}`}
      </p>
      {test.response_body && (
        <pre className="mt-1 max-h-32 overflow-auto font-mono text-xs whitespace-pre-wrap">
          {test.response_body}
        </pre>
      )}
    </div>
  );
}

const LOOKS: Record<string, string> = {
  delivered: "text-good",
  failed: "text-bad",
  pending: "text-muted",
};

function Deliveries({ hook }: { hook: Hook }) {
  const found = useDeliveries(hook.webhook_id);
  if (found.isPending) return <Waiting />;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  return (
    <List<Delivery>
      label={`Deliveries of ${hook.name}`}
      heads={["Event", "Happened", "State", "Tries", "Answer", "Next"]}
      rows={found.data}
      keyOf={(one) => one.delivery_id}
      nothing="Nothing was sent yet: none of its events has happened since it was made."
      show={(one) => [
        <code key="event" title={one.payload.slice(0, 2_000)}>
          {one.event}
        </code>,
        <span key="at" title={when(one.happened_at)}>
          {ago(one.happened_at)}
        </span>,
        <span key="state" className={LOOKS[one.status] ?? ""}>
          {one.status}
        </span>,
        one.attempts,
        <bdi key="answer" title={one.error ?? ""}>
          {one.response_status ?? one.error ?? ""}
        </bdi>,
        one.status === "pending" ? ago(one.due_at) : "",
      ]}
    />
  );
}
