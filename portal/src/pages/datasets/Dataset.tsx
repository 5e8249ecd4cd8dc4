/** One dataset: what people write about it, its versions, and who used them. */

import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useMemo } from "react";

import {
  askVersions,
  changeCard,
  useCard,
  useDatasetTicks,
  useVersion,
  type Dataset as Version,
  type VersionRow,
} from "../../api/datasets";
import { useKeys, type Key } from "../../shell/keys";
import { Chip, Failure, Keys, Waiting } from "../../ui";
import { MarkdownBox } from "../../ui/MarkdownBox";
import { useWindow } from "../../ui/useWindow";
import { WindowTable, type Column } from "../../ui/WindowTable";
import { CopyButton, Section } from "../../ui/parts";
import { HowToLoad } from "./HowToLoad";
import { Amount, Bytes, Since, TagChips, Trail, VersionLink } from "./parts";
import { UsageOf } from "./Usage";

const ROW_PX = 34;
const ROWS_SHOWN = 12;

export default function Dataset() {
  const { dataset: name = "" }: { dataset?: string } = useParams({ strict: false });
  const card = useCard(name);
  const newest = useVersion(name);
  const navigate = useNavigate();
  useDatasetTicks();
  const keys = useMemo<Key[]>(
    () => [
      {
        keys: "o",
        does: "Open the newest version",
        act: () => {
          const version = newest.data?.version;
          if (version !== undefined)
            void navigate({
              to: "/datasets/$dataset/v/$version",
              params: { dataset: name, version: String(version) },
            });
        },
      },
    ],
    [name, navigate, newest.data?.version],
  );
  useKeys("A dataset", keys);
  if (card.isPending) return <Waiting what="Loading the dataset" />;
  if (card.isError) return <Failure error={card.error} onRetry={() => void card.refetch()} />;
  return (
    <div className="flex h-full min-h-0 flex-col">
      <Head name={name} newest={newest.data} />
      <div className="min-h-0 flex-1 overflow-auto">
        <div className="mx-auto grid max-w-7xl items-start gap-3 p-3 lg:grid-cols-[minmax(0,1.1fr)_minmax(0,1fr)]">
          <div className="flex min-w-0 flex-col gap-3">
            <Notes name={name} text={card.data.notes ?? ""} />
            <Versions name={name} />
            {newest.data && <HowToLoad of={newest.data} />}
          </div>
          <div className="flex min-w-0 flex-col gap-3">
            <UsageOf of={{ name }} name={name} />
          </div>
        </div>
      </div>
    </div>
  );
}

function Head({ name, newest }: { name: string; newest: Version | undefined }) {
  return (
    <header className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-panel px-4 py-2">
      <Trail>
        <h1 className="min-w-0 text-base font-semibold text-text" title={name}>
          <bdi className="block max-w-[60vw] truncate">{name}</bdi>
        </h1>
      </Trail>
      <CopyButton text={name} what="Copy name" />
      {newest && (
        <span className="flex items-center gap-2">
          <Chip>{newest.kind}</Chip>
          <span className="text-muted">
            newest <VersionLink name={name} version={newest.version} />, written{" "}
            <Since at={newest.created_at} />
            {newest.created_by && ` by ${newest.created_by}`}
          </span>
          <Keys of="o" />
        </span>
      )}
      <Link
        to="/lineage/$kind/$id"
        params={{ kind: "dataset", id: name }}
        className="ml-auto inline-flex h-7 items-center rounded border border-line px-2.5 font-medium hover:bg-raised"
      >
        Lineage
      </Link>
    </header>
  );
}

function Notes({ name, text }: { name: string; text: string }) {
  const client = useQueryClient();
  return (
    <MarkdownBox
      title="Notes"
      text={text}
      keyName="n"
      nothing="None yet. Say what the data is, where it comes from and what to beware of; Markdown is fine."
      onSave={(notes, was) => changeCard(name, notes, was)}
      refresh={() => client.invalidateQueries({ queryKey: ["datasets", "card", name] })}
    />
  );
}

function Versions({ name }: { name: string }) {
  const navigate = useNavigate();
  const list = useWindow(
    ["datasets", "versions", name],
    (offset, limit, signal) => askVersions(name, offset, limit, signal),
    (page) => page.versions,
  );
  const columns = useMemo<readonly Column<VersionRow>[]>(
    () => [
      {
        id: "version",
        label: "Version",
        width: "6rem",
        show: (one) => (
          <>
            <VersionLink name={name} version={one.version} />
            {one.lifecycle !== "active" && <Chip title="It is in the bin">bin</Chip>}
          </>
        ),
      },
      {
        id: "rows",
        label: "Rows",
        width: "7rem",
        isRight: true,
        show: (one) => <Amount of={one} />,
      },
      {
        id: "bytes",
        label: "Size",
        width: "6rem",
        isRight: true,
        show: (one) => <Bytes of={one.bytes} />,
      },
      { id: "at", label: "Written", width: "8rem", show: (one) => <Since at={one.created_at} /> },
      { id: "by", label: "By", width: "minmax(5rem,0.6fr)", show: (one) => one.created_by },
      {
        id: "tags",
        label: "Tags",
        width: "minmax(8rem,1fr)",
        show: (one) => <TagChips tags={one.tags} />,
      },
    ],
    [name],
  );
  return (
    <Section title={`Versions (${list.total.toLocaleString("en")})`}>
      {list.error !== null && <Failure error={list.error} onRetry={list.retry} />}
      <div
        className="flex flex-col"
        style={{ height: (Math.min(ROWS_SHOWN, list.total) + 1) * ROW_PX - 2 }}
      >
        <WindowTable
          label="Versions"
          columns={columns}
          list={list}
          keyOf={(one) => one.dataset_id}
          onOpen={(one) =>
            void navigate({
              to: "/datasets/$dataset/v/$version",
              params: { dataset: name, version: String(one.version) },
            })
          }
          order={{ by: "", isDescending: true }}
          onOrder={() => undefined}
          minWidth="34rem"
          rowPx={ROW_PX}
        />
      </div>
    </Section>
  );
}
