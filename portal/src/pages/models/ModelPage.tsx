/** One registered model: what it is, its versions and aliases, its gates, where it ran, its history. */

import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useMemo, type ComponentType } from "react";

import { useModel, useModelTicks, type Model } from "../../api/models";
import { useKeys, type Key } from "../../shell/keys";
import { Empty, Failure, Waiting } from "../../ui";
import { CopyButton } from "../../ui/parts";
import { TabBar, tabKeys, type Tab } from "../../ui/Tabs";
import { useSearchText } from "../../ui/useSearchText";
import { Alias, byRank, Crumbs, Person, Since, VersionLink } from "./parts";

/** What every tab is given. */
export interface ModelTabProps {
  model: Model;
}

const TABS: readonly { id: string; label: string; show: ComponentType<ModelTabProps> }[] = [
  { id: "", label: "Overview", show: lazy(() => import("./ModelOverview")) },
  { id: "gates", label: "Gates", show: lazy(() => import("./Gates")) },
  { id: "deployments", label: "Deployments", show: lazy(() => import("./ModelDeployments")) },
  { id: "history", label: "History", show: lazy(() => import("./ModelHistory")) },
];

export default function ModelPage() {
  const { model: name = "" } = useParams({ strict: false });
  const [tab] = useSearchText("tab");
  const found = useModel(name);
  useModelTicks();
  const navigate = useNavigate();
  const link = useCallback(
    ({ id }: Tab) =>
      ({ to: "/models/$model", params: { model: name }, search: id ? { tab: id } : {} }) as const,
    [name],
  );
  const keys = useMemo<Key[]>(
    () => [
      ...tabKeys(TABS, (one) => void navigate(link(one))),
      { keys: "Escape", does: "Back to the models", act: () => void navigate({ to: "/models" }) },
    ],
    [link, navigate],
  );
  useKeys("A model", keys);

  if (found.isPending) return <Waiting what="Loading the model" />;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  const shown = TABS.find((one) => one.id === tab);
  return (
    <div className="flex h-full min-h-0 flex-col">
      <Head model={found.data} />
      <TabBar label="Of this model" tabs={TABS} current={tab} link={link} />
      <div className="min-h-0 flex-1 overflow-auto">
        <Suspense fallback={<Waiting />}>
          {shown ? (
            <shown.show model={found.data} />
          ) : (
            <Empty title="There is no such tab">Choose one of those above.</Empty>
          )}
        </Suspense>
      </div>
    </div>
  );
}

function Head({ model }: { model: Model }) {
  return (
    <header className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-panel px-4 pt-2 pb-1.5">
      <Crumbs>
        <Link to="/models" className="hover:underline">
          Models
        </Link>
        /
      </Crumbs>
      <h1 className="max-w-[50vw] truncate text-base font-semibold" title={model.name}>
        <bdi>{model.name}</bdi>
      </h1>
      <CopyButton text={model.name} what="Copy name" />
      {byRank(model.aliases).map(([alias, version]) => (
        <Alias key={alias} name={alias}>
          <VersionLink name={model.name} version={version} />
        </Alias>
      ))}
      <span className="flex min-w-0 items-center gap-1 text-muted">
        registered <Since moment={model.registered_at} />
        {model.created_by && (
          <>
            by <Person name={model.created_by} />
          </>
        )}
      </span>
    </header>
  );
}
