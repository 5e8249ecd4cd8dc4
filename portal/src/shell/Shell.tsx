/** What is around every page: navigation, palette, keys, who one is, how fresh what is shown is. */

import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useMemo, useState } from "react";

import { live, useFreshness } from "../api/live";
import { signOut, useSession } from "../api/session";
import { SignIn } from "../pages/SignIn";
import { Button, cx, Dialog, Failure, Keys, Waiting } from "../ui";
import { areSingleKeysOn, setSingleKeys, useKeyMap, useKeys, type Key } from "./keys";
import { chooseTheme, useTheme, type Theme } from "./theme";

const Palette = lazy(() => import("./Palette"));

/** The pages one can go to from everywhere, and with which key after `g`. */
export const PLACES = [
  { to: "/", label: "Home", key: "h" },
  { to: "/experiments", label: "Experiments", key: "p" },
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
  if (session.data.kind === "nobody") return <SignIn ssoLabel={session.data.sso_label} />;
  return (
    <div className="flex h-full flex-col">
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:bg-panel focus:p-2"
      >
        Skip to the page
      </a>
      <header className="flex h-10 shrink-0 items-center gap-1 border-b border-line bg-panel px-3">
        <Link to="/" className="mr-2 flex items-center gap-2 font-semibold" aria-label="mere, home">
          <img src="/mark.svg" alt="" width={20} height={20} />
          mere
        </Link>
        <Navigation />
        <button
          type="button"
          onClick={() => setPaletteOpen(true)}
          className="ml-auto flex h-7 w-56 items-center justify-between rounded border border-line bg-ground px-2 text-muted"
        >
          Find anything
          <Keys of="mod+k" />
        </button>
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
      <KeyHelp isOpen={isHelpOpen} onClose={() => setHelpOpen(false)} />
    </div>
  );
}

function Navigation() {
  const path = useRouterState({ select: (state) => state.location.pathname });
  return (
    <nav aria-label="Main" className="flex items-center gap-0.5">
      {PLACES.slice(1).map((place) => {
        const isHere =
          path.startsWith(place.to) || (place.to === "/experiments" && path.startsWith("/p/"));
        return (
          <Link
            key={place.to}
            to={place.to}
            aria-current={isHere ? "page" : undefined}
            className={cx("rounded px-2 py-1 hover:bg-raised", isHere && "bg-chosen font-medium")}
          >
            {place.label}
          </Link>
        );
      })}
    </nav>
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
  const client = useQueryClient();
  if (kind === "local") return null;
  return (
    <span className="ml-2 flex items-center gap-1">
      {name}
      <Button look="quiet" onClick={() => void signOut().then(() => client.clear())}>
        Sign out
      </Button>
    </span>
  );
}

function KeyHelp({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const layers = useKeyMap();
  return (
    <Dialog title="Keys" isOpen={isOpen} onClose={onClose} width="44rem">
      <div className="grid grid-cols-2 gap-x-8 gap-y-4">
        {layers.map((layer) => (
          <section key={layer.title}>
            <h3 className="mb-1 font-semibold">{layer.title}</h3>
            <dl>
              {layer.keys.map((key) => (
                <div key={key.keys} className="flex justify-between gap-4 py-0.5">
                  <dt>{key.does}</dt>
                  <dd>
                    <Keys of={key.keys} />
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <label className="mt-4 flex items-center gap-2">
        <input
          type="checkbox"
          checked={areSingleKeysOn()}
          onChange={(event) => setSingleKeys(event.target.checked)}
        />
        Single keys do something (those with Ctrl always do)
      </label>
    </Dialog>
  );
}
