/** One version of a model: what it is and was made of, what was said of it, where it runs. */

import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useMemo, useState, type ComponentType } from "react";

import {
  useModel,
  useModelTicks,
  useVersion,
  type Model,
  type VersionDetail,
} from "../../api/models";
import { useKeys, type Key } from "../../shell/keys";
import { Button, Empty, Failure, Keys, Status, Waiting } from "../../ui";
import { TabBar, tabKeys, type Tab } from "../../ui/Tabs";
import { useSearchText } from "../../ui/useSearchText";
import { MoveAlias } from "./Aliases";
import { Alias, Crumbs, ModelLink, Person, ReviewState, Since } from "./parts";

/** What every tab is given. */
export interface VersionTabProps {
  model: Model;
  detail: VersionDetail;
}

const TABS: readonly { id: string; label: string; show: ComponentType<VersionTabProps> }[] = [
  { id: "", label: "Overview", show: lazy(() => import("./VersionOverview")) },
  { id: "files", label: "Files", show: lazy(() => import("./VersionFiles")) },
  { id: "compare", label: "Compare", show: lazy(() => import("./Compare")) },
  { id: "deployments", label: "Deployments", show: lazy(() => import("./VersionDeployments")) },
  { id: "history", label: "History", show: lazy(() => import("./VersionHistory")) },
];

export default function VersionPage() {
  const { model: name = "", version = "" } = useParams({ strict: false });
  const [tab] = useSearchText("tab");
  const model = useModel(name);
  const found = useVersion({ name, version });
  const [isMoving, setMoving] = useState(false);
  useModelTicks();
  const navigate = useNavigate();
  const link = useCallback(
    ({ id }: Tab) =>
      ({
        to: "/models/$model/v/$version",
        params: { model: name, version },
        search: id ? { tab: id } : {},
      }) as const,
    [name, version],
  );
  const keys = useMemo<Key[]>(
    () => [
      ...tabKeys(TABS, (one) => void navigate(link(one))),
      { keys: "m", does: "Point an alias at it", act: () => setMoving(true) },
      {
        keys: "Escape",
        does: "Back to the model",
        act: () => void navigate({ to: "/models/$model", params: { model: name } }),
      },
    ],
    [link, name, navigate],
  );
  useKeys("A version", keys);

  if (found.isPending || model.isPending) return <Waiting what="Loading the version" />;
  const broken = found.isError ? found : model.isError ? model : null;
  if (broken || !found.data || !model.data)
    return <Failure error={broken?.error} onRetry={() => void broken?.refetch()} />;
  const shown = TABS.find((one) => one.id === tab);
  const one = found.data.version;
  return (
    <div className="flex h-full min-h-0 flex-col">
      <header className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-panel px-4 pt-2 pb-1.5">
        <Crumbs>
          <Link to="/models" className="hover:underline">
            Models
          </Link>
          /
          <ModelLink name={name} className="max-w-[40vw]" />/
        </Crumbs>
        <h1 className="text-base font-semibold">Version {one.version}</h1>
        {one.status !== "READY" && <Status value={one.status} />}
        <ReviewState state={one.review} />
        {one.aliases.map((alias) => (
          <Alias key={alias} name={alias} />
        ))}
        <span className="flex min-w-0 items-center gap-1 text-muted">
          registered <Since moment={one.registered_at} />
          {one.created_by && (
            <>
              by <Person name={one.created_by} />
            </>
          )}
        </span>
        <Button className="ml-auto" onClick={() => setMoving(true)}>
          Point an alias at it <Keys of="m" />
        </Button>
      </header>
      <TabBar label="Of this version" tabs={TABS} current={tab} link={link} />
      <div className="min-h-0 flex-1 overflow-auto">
        <Suspense fallback={<Waiting />}>
          {shown ? (
            <shown.show model={model.data} detail={found.data} />
          ) : (
            <Empty title="There is no such tab">Choose one of those above.</Empty>
          )}
        </Suspense>
      </div>
      {isMoving && (
        <MoveAlias
          name={name}
          aliases={model.data.aliases}
          alias=""
          version={one.version}
          onClose={() => setMoving(false)}
        />
      )}
    </div>
  );
}
