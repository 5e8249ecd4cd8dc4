/** Settings: what is one's own, and for admins, what is everybody's. */

import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { lazy, Suspense, useMemo, type ComponentType } from "react";

import { useSession, type WhoAmI } from "../../api/session";
import { useKeys, type Key } from "../../shell/keys";
import { cx, Empty, Waiting } from "../../ui";
import { tabKeys } from "../../ui/Tabs";

export interface TabProps {
  who: WhoAmI;
}

interface Tab {
  id: string;
  label: string;
  show: ComponentType<TabProps>;
  isForAdmins?: boolean;
}

const TABS: readonly Tab[] = [
  { id: "profile", label: "Profile", show: lazy(() => import("./Profile")) },
  { id: "tokens", label: "Tokens", show: lazy(() => import("./Tokens")) },
  { id: "users", label: "Users", show: lazy(() => import("./Users")), isForAdmins: true },
  { id: "groups", label: "Groups", show: lazy(() => import("./Groups")), isForAdmins: true },
  { id: "access", label: "Access", show: lazy(() => import("./Access")), isForAdmins: true },
  { id: "webhooks", label: "Webhooks", show: lazy(() => import("./Webhooks")), isForAdmins: true },
  { id: "audit", label: "Audit", show: lazy(() => import("./Audit")), isForAdmins: true },
  { id: "server", label: "Server", show: lazy(() => import("./Server")), isForAdmins: true },
];

export default function SettingsPage() {
  const { tab: named } = useParams({ strict: false }) as { tab?: string };
  const session = useSession();
  const navigate = useNavigate();
  const isAdmin = session.data?.role === "admin";
  const tabs = useMemo(() => TABS.filter((one) => isAdmin || !one.isForAdmins), [isAdmin]);
  const keys = useMemo<Key[]>(
    () => tabKeys(tabs, ({ id }) => void navigate({ to: "/settings/$tab", params: { tab: id } })),
    [navigate, tabs],
  );
  useKeys("Settings", keys);
  const tab = named ?? "profile";
  const shown = tabs.find((one) => one.id === tab);
  const isKnown = TABS.some((one) => one.id === tab);
  if (!session.data) return <Waiting />;
  return (
    <div className="flex h-full min-h-0">
      <nav
        aria-label="Settings"
        className="flex w-44 shrink-0 flex-col gap-0.5 border-r border-line bg-panel p-2"
      >
        <h1 className="px-2 py-1 text-base font-semibold">Settings</h1>
        {tabs.map((one, number) => (
          <Link
            key={one.id}
            to="/settings/$tab"
            params={{ tab: one.id }}
            title={`Key ${number + 1}`}
            aria-current={one.id === tab ? "page" : undefined}
            className={cx(
              "rounded px-2 py-1 hover:bg-raised",
              one.id === tab && "bg-chosen font-medium",
            )}
          >
            {one.label}
          </Link>
        ))}
      </nav>
      <div className="min-w-0 flex-1 overflow-auto">
        <Suspense fallback={<Waiting />}>
          {shown ? (
            <shown.show who={session.data} />
          ) : (
            <Empty title={isKnown ? "This is for admins" : "There is no such tab"}>
              {isKnown
                ? "An admin of the warehouse can give you that role, or do it for you."
                : "Choose one of those at the left."}
            </Empty>
          )}
        </Suspense>
      </div>
    </div>
  );
}
