/** What is around every page: navigation, palette, keys, who one is, how fresh what is shown is. */

import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useMemo, useState } from "react";

import { live, useFreshness } from "../api/live";
import { signOut, useSession } from "../api/session";
import { Button, cx, Failure, Keys, Waiting } from "../ui";
import { InboxButton } from "./InboxButton";
import { useKeys, type Key } from "./keys";
import { Navigation } from "./Navigation";
import { chooseTheme, useTheme, type Theme } from "./theme";

const KeyHelp = lazy(() => import("./KeyHelp"));
const Palette = lazy(() => import("./Palette"));
const SignIn = lazy(() => import("../pages/SignIn"));

/** The pages one can go to from everywhere, and with which key after `g`. */
export const PLACES = [
  { to: "/", label: "Home", key: "h" },
  { to: "/experiments", label: "Experiments", key: "p" },
  { to: "/models", label: "Models", key: "m" },
  { to: "/deployments", label: "Deployments", key: "d" },
  { to: "/traces", label: "Traces", key: "t" },
  { to: "/datasets", label: "Datasets", key: "s" },
  { to: "/lineage", label: "Lineage", key: "l" },
  { to: "/query", label: "SQL", key: "q" },
  { to: "/activity", label: "Activity", key: "a" },
  { to: "/reports", label: "Reports", key: "r" },
  { to: "/settings", label: "Settings", key: "e" },
] as const;

const FRESHNESS = {
  live: ["bg-good", "Live: what changes is shown at once"],
  connecting: ["bg-warn", "Connecting"],
  paused: ["bg-muted", "Paused: press . to go on"],
  offline: ["bg-bad", "The server does not answer; trying again"],
} as const;

export function Shell() {
  const session = useSession();
  const [isPaletteOpen, setPaletteOpen] = useState(false);
  const [isHelpOpen, setHelpOpen] = useState(false);
  const navigate = useNavigate();
  const keys = useMemo<Key[]>(
    () => [
      { keys: "mod+k", does: "Find anything, do anything", act: () => setPaletteOpen(true) },
      { keys: "?", does: "Show this list", act: () => setHelpOpen(true) },
      { keys: ".", does: "Pause what is live, or go on", act: () => live().togglePause() },
      ...PLACES.map((place) => ({
        keys: `g ${place.key}`,
        does: `Go to ${place.label}`,
        act: () => void navigate({ to: place.to }),
      })),
    ],
    [navigate],
  );
  useKeys("Everywhere", keys);

  if (session.isPending) return <Waiting what="Asking the server who you are" />;
  if (session.isError)
    return <Failure error={session.error} onRetry={() => void session.refetch()} />;
  if (session.data.kind === "nobody")
    return (
      <Suspense fallback={<Waiting />}>
        <SignIn ssoLabel={session.data.sso_label} />
      </Suspense>
    );
  return (
    <div className="flex h-full flex-col">
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:bg-panel focus:p-2"
      >
        Skip to the page
      </a>
      <header className="flex h-10 shrink-0 items-center gap-1 border-b border-line bg-panel px-3">
        <Link
          to="/"
          className="mr-2 flex shrink-0 items-center gap-2 font-semibold"
          aria-label="mere, home"
        >
          <img src="/mark.svg" alt="" width={20} height={20} />
          mere
        </Link>
        <Navigation places={PLACES.slice(1)} />
        <button
          type="button"
          onClick={() => setPaletteOpen(true)}
          className="ml-auto flex h-7 w-36 shrink-0 items-center justify-between gap-2 rounded border border-line bg-ground px-2 text-muted xl:w-56"
        >
          <span className="whitespace-nowrap">Find anything</span>
          <span className="hidden xl:inline">
            <Keys of="mod+k" />
          </span>
        </button>
        <InboxButton />
        <FreshnessDot />
        <ThemeChoice />
        <Who name={session.data.display_name} kind={session.data.kind} />
      </header>
      <main id="main" tabIndex={-1} className="min-h-0 flex-1 overflow-auto outline-none">
        <Suspense fallback={<Waiting />}>
          <Outlet />
        </Suspense>
      </main>
      {isPaletteOpen && (
        <Suspense fallback={null}>
          <Palette onClose={() => setPaletteOpen(false)} />
        </Suspense>
      )}
      {isHelpOpen && (
        <Suspense fallback={null}>
          <KeyHelp onClose={() => setHelpOpen(false)} />
        </Suspense>
      )}
    </div>
  );
}

function FreshnessDot() {
  const freshness = useFreshness();
  const [colour, text] = FRESHNESS[freshness];
  return (
    <button
      type="button"
      title={text}
      aria-label={text}
      onClick={() => live().togglePause()}
      className="mx-1 flex h-7 w-7 items-center justify-center rounded hover:bg-raised"
    >
      <span className={cx("h-2.5 w-2.5 rounded-full", colour)} />
    </button>
  );
}

function ThemeChoice() {
  const { chosen } = useTheme();
  return (
    <label>
      <span className="sr-only">Colours</span>
      <select
        value={chosen}
        onChange={(event) => chooseTheme(event.target.value as Theme)}
        className="h-7 rounded border border-line bg-panel px-1"
      >
        <option value="auto">Auto</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  );
}

function Who({ name, kind }: { name: string; kind: string }) {
  if (kind === "local") return null;
  return (
    <span className="ml-2 flex min-w-0 items-center gap-1">
      <span className="max-w-40 truncate" title={name}>
        {name}
      </span>
      <Button look="quiet" onClick={() => void signOut().then(() => window.location.assign("/"))}>
        Sign out
      </Button>
    </span>
  );
}
