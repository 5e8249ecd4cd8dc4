/**
 * Every page and its address; a page's code is loaded when it is first gone to.
 *
 * Beside the page, its module may export `beginning`: what is asked for before anything is drawn.
 */

import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
} from "@tanstack/react-router";

import { cache } from "./api/cache";
import { sessionAsked } from "./api/session";
import { Shell } from "./shell/Shell";
import { Empty, Failure, Waiting } from "./ui";

const root = createRootRoute({
  component: Shell,
  notFoundComponent: () => (
    <Empty title="There is no such page">The address may have been cut short.</Empty>
  ),
});

/** What is in the address behind `?`: each page reads what it knows, and keeps it there. */
export type Search = Record<string, string | undefined>;

function validateSearch(search: Record<string, unknown>): Search {
  const found: Search = {};
  for (const [name, value] of Object.entries(search)) {
    if (typeof value === "string") found[name] = value;
    else if (value !== undefined && value !== null) found[name] = JSON.stringify(value);
  }
  return found;
}

/** Where one goes to, and the cache that what is asked for goes into. */
export interface Start {
  cache: QueryClient;
  params: Readonly<Record<string, string | undefined>>;
  search: Search;
}

/**
 * Asks for what a page shows first, and does not wait for it.
 *
 * Its parts ask for the same as ever, by the same keys, and find it in the cache or on its way.
 */
export type Beginning = (start: Start) => void;

interface PageModule {
  default: () => React.ReactNode;
  beginning?: Beginning;
}

/** Let a page ask for what it shows first; of who is nobody the server would take no question. */
async function begin(load: () => Promise<PageModule>, start: Start): Promise<void> {
  try {
    const [module, who] = await Promise.all([load(), cache.ensureQueryData(sessionAsked)]);
    if (who.kind !== "nobody") module.beginning?.(start);
  } catch {
    // The page and the shell ask for both themselves, and say what is wrong.
  }
}

function page<const Path extends string>(path: Path, load: () => Promise<PageModule>) {
  return createRoute({
    getParentRoute: () => root,
    path,
    validateSearch,
    component: lazyRouteComponent(load),
    preload: false, // a link that is pointed at loads code, and asks for nothing
    loader: {
      handler: ({ params, location }) =>
        begin(load, { cache, params, search: validateSearch(location.search) }),
      staleReloadMode: "blocking", // it comes before the page, whenever one comes back
    },
  });
}

const routes = root.addChildren([
  page("/", () => import("./pages/Home")),
  page("/experiments", () => import("./pages/Experiments")),
  page("/p/$experiment", () => import("./pages/explore/Explore")),
  page("/p/$experiment/runs/$run", () => import("./pages/run/RunPage")),
  page("/p/$experiment/runs/$run/$tab", () => import("./pages/run/RunPage")),
  page("/compare", () => import("./pages/compare/Compare")),
  page("/models", () => import("./pages/models/Models")),
  page("/models/$model", () => import("./pages/models/ModelPage")),
  page("/models/$model/v/$version", () => import("./pages/models/VersionPage")),
  page("/deployments", () => import("./pages/deployments/Deployments")),
  page("/lineage", () => import("./pages/lineage/Start")),
  page("/lineage/$kind/$id", () => import("./pages/lineage/Lineage")),
  page("/datasets", () => import("./pages/datasets/Datasets")),
  page("/datasets/$dataset", () => import("./pages/datasets/Dataset")),
  page("/datasets/$dataset/v/$version", () => import("./pages/datasets/Version")),
  page("/datasets/evaluation/$dataset", () => import("./pages/evaluation/Evaluation")),
  page("/traces", () => import("./pages/traces/Traces")),
  page("/traces/$trace", () => import("./pages/trace/TracePage")),
  page("/query", () => import("./pages/sql/SqlPage")),
  page("/settings", () => import("./pages/settings/SettingsPage")),
  page("/settings/$tab", () => import("./pages/settings/SettingsPage")),
  page("/activity", () => import("./pages/activity/Activity")),
  page("/s/$link", () => import("./pages/ShortLink")),
  page("/reports", () => import("./pages/reports/Reports")),
  page("/reports/$report", () => import("./pages/reports/ReportPage")),
]);

export const router = createRouter({
  routeTree: routes,
  defaultPreload: "intent",
  defaultErrorComponent: ({ error, reset }) => <Failure error={error} onRetry={reset} />,
  defaultPendingComponent: () => <Waiting />,
  // Texts stay texts: an id of digits must not become a number.
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const words = new URLSearchParams();
    for (const [name, value] of Object.entries(search)) if (value) words.set(name, String(value));
    const text = words.toString();
    return text ? `?${text}` : "";
  },
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
