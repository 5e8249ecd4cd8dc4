/** Who are you? */

import { useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";

import { sessionAsked, signIn } from "../api/session";
import { Button } from "../ui";

export default function SignIn({ ssoLabel }: { ssoLabel: string | null }) {
  const client = useQueryClient();
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setError("");
    try {
      const who = await signIn(String(form.get("name")), String(form.get("password")));
      client.setQueryData(sessionAsked.queryKey, who);
    } catch (refusal) {
      setError(refusal instanceof Error ? refusal.message : String(refusal));
    } finally {
      setBusy(false);
    }
  }

  const back = encodeURIComponent(window.location.pathname + window.location.search);
  return (
    <main className="flex h-full items-center justify-center">
      <form
        onSubmit={(event) => void submit(event)}
        className="flex w-80 flex-col gap-3 rounded-lg border border-line bg-panel p-6"
      >
        <h1 className="flex items-center gap-2 text-lg font-semibold">
          <img src="/mark.svg" alt="" width={24} height={24} />
          Sign in to mere
        </h1>
        <label className="flex flex-col gap-1">
          Name
          <input
            name="name"
            autoComplete="username"
            autoFocus
            required
            className="h-8 rounded border border-line bg-ground px-2"
          />
        </label>
        <label className="flex flex-col gap-1">
          Password
          <input
            name="password"
            type="password"
            autoComplete="current-password"
            required
            className="h-8 rounded border border-line bg-ground px-2"
          />
        </label>
        {error && (
          <p role="alert" className="text-bad">
            {error}
          </p>
        )}
        <Button look="main" type="submit" disabled={isBusy} className="h-8 justify-center">
          Sign in
        </Button>
        {ssoLabel && (
          <a
            href={`/api/v1/session/sso?back=${back}`}
            className="rounded border border-line py-1.5 text-center hover:bg-raised"
          >
            {ssoLabel}
          </a>
        )}
      </form>
    </main>
  );
}
