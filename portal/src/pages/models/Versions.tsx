/** The versions of a model with the metrics of their runs, a window of them at a time. */

import { Link, useNavigate } from "@tanstack/react-router";
import { useDeferredValue, useMemo, useRef, useState } from "react";

import { askVersions, type Model, type VersionRow, type VersionWindow } from "../../api/models";
import { useKeys, type Key } from "../../shell/keys";
import { Button, Dialog, Failure, Status, Waiting } from "../../ui";
import { number } from "../../ui/format";
import { orderOf, orderText } from "../../ui/order";
import { useWindow } from "../../ui/useWindow";
import { WindowTable, type Column } from "../../ui/WindowTable";
import { CommandLine, Remark, SearchBox, Section } from "../../ui/parts";
import { useSearchText } from "../../ui/useSearchText";
import { Alias, LINK, Person, ReviewState, Since, VersionLink } from "./parts";

const ROW_PX = 34;
const HEAD_PX = 36;
const ROWS_MAX = 14;

export function Versions({ model }: { model: Model }) {
  const [search, setSearch] = useSearchText("q");
  const [sorted, setSorted] = useSearchText("sort");
  const [chosen, setChosen] = useSearchText("metrics");
  const [isChoosing, setChoosing] = useState(false);
  const words = useDeferredValue(search);
  const field = useRef<HTMLInputElement>(null);
  const keys = useMemo<Key[]>(
    () => [{ keys: "/", does: "Find versions", act: () => field.current?.focus() }],
    [],
  );
  useKeys("Its versions", keys);
  const navigate = useNavigate();
  const order = useMemo(() => orderOf(sorted, "-version"), [sorted]);
  const metric = useMemo(() => (chosen ? (JSON.parse(chosen) as string[]) : []), [chosen]);
  const wanted = useMemo(
    () => ({ search: words, metric, order: order.by, is_descending: order.isDescending }),
    [metric, order, words],
  );
  const list = useWindow<VersionWindow, VersionRow>(
    ["models", model.name, "versions", wanted],
    (offset, limit, signal) => askVersions(model.name, wanted, offset, limit, signal),
    (page) => page.versions,
  );
  const shown = list.first?.shown;
  const columns = useMemo(() => [...LEFT, ...(shown ?? []).map(metricColumn), ...RIGHT], [shown]);
  const total = list.first?.all ?? 0;
  return (
    <Section
      title={`Versions (${total.toLocaleString("en")})`}
      side={
        total > 0 && (
          <>
            <SearchBox ref={field} label="Find versions" value={search} onChange={setSearch} />
            {(list.first?.keys.length ?? 0) > 0 && (
              <Button onClick={() => setChoosing(true)}>Metrics …</Button>
            )}
          </>
        )
      }
    >
      {list.isPending && <Waiting />}
      {list.error !== null && <Failure error={list.error} onRetry={list.retry} />}
      {list.first && total === 0 && (
        <div className="grid gap-2 p-3">
          <p className="text-muted">No version yet. Make one of the files of a run:</p>
          <CommandLine
            text={`mere models register '${model.name.replaceAll("'", "'\\''")}' PATH --run RUN`}
          />
        </div>
      )}
      {total > 0 && list.total === 0 && <Remark>No version has “{words}”.</Remark>}
      {list.total > 0 && (
        <div
          className="flex flex-col"
          style={{ height: HEAD_PX + ROW_PX * Math.min(list.total, ROWS_MAX) + 14 }}
        >
          <WindowTable
            label="Versions"
            columns={columns}
            list={list}
            keyOf={(one) => String(one.version.version)}
            onOpen={(one) =>
              void navigate({
                to: "/models/$model/v/$version",
                params: { model: model.name, version: String(one.version.version) },
              })
            }
            order={order}
            onOrder={(next) => setSorted(orderText(next))}
            isLargestFirst={(by) => by !== "by" && by !== "run"}
            minWidth={`${50 + 7 * (shown?.length ?? 0)}rem`}
            rowPx={ROW_PX}
          />
        </div>
      )}
      {isChoosing && list.first && (
        <MetricChoice
          keys={list.first.keys}
          shown={list.first.shown}
          onClose={() => setChoosing(false)}
          onChoose={(keys) => setChosen(keys.length ? JSON.stringify(keys) : "")}
        />
      )}
    </Section>
  );
}

const LEFT: readonly Column<VersionRow>[] = [
  {
    id: "version",
    label: "Version",
    width: "minmax(9rem,1.2fr)",
    order: "version",
    show: ({ version }) => (
      <span className="flex items-center gap-1.5 overflow-hidden">
        <VersionLink name={version.name} version={version.version} />
        {version.status !== "READY" && <Status value={version.status} />}
        {version.aliases.map((alias) => (
          <Alias key={alias} name={alias} />
        ))}
      </span>
    ),
  },
  {
    id: "review",
    label: "Review",
    width: "minmax(10.5rem,0.8fr)",
    order: "review",
    show: ({ version }) => <ReviewState state={version.review} />,
  },
];

const RIGHT: readonly Column<VersionRow>[] = [
  {
    id: "live",
    label: "Live in",
    width: "minmax(8rem,1fr)",
    show: ({ live }) =>
      live.length === 0 ? (
        <span className="text-muted">nowhere</span>
      ) : (
        <span title={live.join("\n")}>
          <span aria-hidden="true" className="text-good">
            ●{" "}
          </span>
          {live.join(", ")}
        </span>
      ),
  },
  {
    id: "run",
    label: "Run",
    width: "minmax(7rem,0.8fr)",
    order: "run",
    show: ({ version, run_name, experiment_id }) =>
      version.run_id && experiment_id ? (
        <Link
          to="/p/$experiment/runs/$run"
          params={{ experiment: experiment_id, run: version.run_id }}
          className={LINK}
        >
          <bdi>{run_name ?? version.run_id.slice(0, 12)}</bdi>
        </Link>
      ) : (
        <span className="text-muted">{version.run_id ? version.run_id.slice(0, 12) : "none"}</span>
      ),
  },
  {
    id: "registered",
    label: "Registered",
    width: "minmax(11rem,0.9fr)",
    order: "registered",
    show: ({ version }) => (
      <span className="flex gap-1.5 overflow-hidden">
        <Since moment={version.registered_at} />
        {version.created_by && (
          <span className="flex min-w-0 gap-1 text-muted">
            by <Person name={version.created_by} />
          </span>
        )}
      </span>
    ),
  },
];

function metricColumn(key: string): Column<VersionRow> {
  return {
    id: `metric:${key}`,
    label: key,
    width: "minmax(6rem,0.6fr)",
    order: `metric:${key}`,
    isRight: true,
    show: ({ metrics }) => {
      const value = metrics[key];
      return typeof value === "number" ? number(value) : value === undefined ? "" : String(value);
    },
  };
}

const METRICS_MAX = 12;

function MetricChoice(props: {
  keys: readonly string[];
  shown: readonly string[];
  onClose: () => void;
  onChoose: (keys: string[]) => void;
}) {
  const [chosen, setChosen] = useState<readonly string[]>(props.shown);
  const [search, setSearch] = useState("");
  const listed = props.keys.filter((key) => key.toLowerCase().includes(search.toLowerCase()));
  return (
    <Dialog title="Metrics of the table" isOpen onClose={props.onClose} width="26rem">
      <SearchBox label="Find metrics" value={search} onChange={setSearch} className="mb-2 w-full" />
      <ul className="max-h-[44vh] overflow-auto">
        {listed.slice(0, 500).map((key) => (
          <li key={key}>
            <label className="flex items-center gap-2 py-0.5">
              <input
                type="checkbox"
                checked={chosen.includes(key)}
                disabled={!chosen.includes(key) && chosen.length >= METRICS_MAX}
                onChange={(event) =>
                  setChosen(
                    event.target.checked
                      ? [...chosen, key]
                      : chosen.filter((other) => other !== key),
                  )
                }
              />
              <span className="break-all">{key}</span>
            </label>
          </li>
        ))}
      </ul>
      <p className="mt-2 text-xs text-muted">
        At most {METRICS_MAX}. Without a choice, those that gates ask of and the most common.
      </p>
      <div className="mt-3 flex justify-end gap-2">
        <Button
          onClick={() => {
            props.onChoose([]);
            props.onClose();
          }}
        >
          As usual
        </Button>
        <Button
          look="main"
          onClick={() => {
            props.onChoose([...chosen]);
            props.onClose();
          }}
        >
          Show these
        </Button>
      </div>
    </Dialog>
  );
}
