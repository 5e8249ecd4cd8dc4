/** The records of an evaluation dataset: found by words, opened beside the list, removed. */

import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useDeferredValue, useMemo, useRef, useState } from "react";

import {
  askEvaluationRecords,
  evaluationRecordsKey,
  removeEvaluationRecords,
  type EvaluationDataset,
  type EvaluationRecordRow,
  type Wanted,
} from "../../api/evaluation";
import type { Search } from "../../router";
import { useKeys, type Key } from "../../shell/keys";
import { Button, Chip, cx, Empty, Failure, Waiting } from "../../ui";
import { count } from "../../ui/format";
import { orderOf, orderText } from "../../ui/order";
import { Border, useShare } from "../../ui/Panes";
import { CommandLine, Remark, SearchBox } from "../../ui/parts";
import { useMarks } from "../../ui/useMarks";
import { useSearchText } from "../../ui/useSearchText";
import { useWide } from "../../ui/useWide";
import { useWindow, windowPage } from "../../ui/useWindow";
import { WindowTable, type Column } from "../../ui/WindowTable";
import { Since } from "../datasets/parts";
import { gistOf } from "./gist";
import { LINK, Removal } from "./parts";
import { RecordPanel } from "./RecordPanel";
import { snippets } from "./snippets";

const keyOf = (one: EvaluationRecordRow) => one.record_id;

function wantedOf(text: string, sort: string): Wanted {
  const order = orderOf(sort, "made");
  return { text, order: order.by, is_descending: order.isDescending };
}

function asking(dataset_id: string, wanted: Wanted) {
  return (offset: number, limit: number, signal: AbortSignal) =>
    askEvaluationRecords(dataset_id, wanted, offset, limit, signal);
}

/** The first records that an address is about. */
export function firstRecords(dataset_id: string, search: Search) {
  const wanted = wantedOf(search["q"] ?? "", search["sort"] ?? "");
  return windowPage(evaluationRecordsKey(dataset_id, wanted), asking(dataset_id, wanted), 0);
}

export function Records({ of }: { of: EvaluationDataset }) {
  const id = of.dataset_id;
  const [search, setSearch] = useSearchText("q");
  const [sorted, setSorted] = useSearchText("sort");
  const words = useDeferredValue(search);
  const open = useSearch({ strict: false, select: (now: Search) => now["record"] ?? "" });
  const navigate = useNavigate();
  const client = useQueryClient();
  const field = useRef<HTMLInputElement>(null);
  const isWide = useWide();
  const [share, setShare] = useShare("mere.evaluation.split", 55);
  const [doomed, setDoomed] = useState<readonly string[]>([]);
  const [said, setSaid] = useState("");
  const wanted = useMemo(() => wantedOf(words, sorted), [words, sorted]);
  const list = useWindow(
    evaluationRecordsKey(id, wanted),
    asking(id, wanted),
    (page) => page.records,
  );
  const { marked, toggle, mark, clear } = useMarks(list.rowAt, keyOf);
  const show = (record: string) =>
    void navigate({
      to: ".",
      search: (now: Search) => ({ ...now, record: record || undefined }),
    });
  const columns = useMemo(() => columnsOf(marked, toggle), [marked, toggle]);
  const keys = useMemo<Key[]>(
    () => [
      { keys: "/", does: "Find records", act: () => field.current?.focus() },
      { keys: "Escape", does: "Choose none", act: clear },
    ],
    [clear],
  );
  useKeys("Records", keys);

  if (list.isPending) return <Waiting what="Loading the records" />;
  if (list.error && !list.first) return <Failure error={list.error} onRetry={list.retry} />;
  if (list.total === 0 && !search && !words) return <NoRecords of={of} />;
  const removed = () => {
    const gone = new Set(doomed);
    setSaid(`${count(gone.size, "record")} removed.`);
    setDoomed([]);
    clear();
    if (gone.has(open)) show("");
    void client.invalidateQueries({ queryKey: ["datasets", "evaluation"] });
  };
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="flex min-h-10 shrink-0 flex-wrap items-center gap-2 border-b border-line bg-panel px-3 py-1">
        <span className="text-muted" aria-live="polite">
          {words ? `${count(list.total, "record")} found` : count(list.total, "record")}
        </span>
        {marked.size > 0 && (
          <>
            <span className="font-medium">{marked.size.toLocaleString("en")} chosen</span>
            <Button look="quiet" onClick={clear}>
              Choose none
            </Button>
            <Button look="danger" onClick={() => setDoomed([...marked.keys()])}>
              Remove
            </Button>
          </>
        )}
        <span role="status" className="text-muted">
          {said}
        </span>
        <SearchBox
          ref={field}
          label="Find records  (/)"
          value={search}
          onChange={setSearch}
          className="ml-auto w-72"
        />
      </div>
      {list.error !== null && <Failure error={list.error} onRetry={list.retry} />}
      <div className="flex min-h-0 flex-1">
        <div
          className={cx("flex min-w-0 flex-col", open && !isWide && "hidden")}
          style={{ width: open ? `${share}%` : "100%" }}
        >
          {list.total === 0 ? (
            <Remark>
              No record holds that. <Button onClick={() => setSearch("")}>Show all</Button>
            </Remark>
          ) : (
            <WindowTable
              label="Records"
              columns={columns}
              list={list}
              keyOf={keyOf}
              onOpen={(one) => show(one.record_id)}
              onMark={mark}
              order={orderOf(sorted, "made")}
              onOrder={(next) => setSorted(orderText(next))}
              isLargestFirst={() => true}
              minWidth="70rem"
            />
          )}
        </div>
        {open && isWide && (
          <Border
            label="Between records and record"
            share={share}
            onShare={setShare}
            className="w-1.5 border-x"
          />
        )}
        {open && (
          <RecordPanel
            dataset={id}
            record={open}
            onClose={() => show("")}
            onRemove={() => setDoomed([open])}
          />
        )}
      </div>
      <Removal
        title={`Remove ${count(doomed.length, "record")}?`}
        warning={
          "What is removed here is gone for good: nothing brings it back. Runs that were evaluated " +
          "by it keep their results."
        }
        does="Remove"
        isOpen={doomed.length > 0}
        onClose={() => setDoomed([])}
        remove={() => removeEvaluationRecords(id, doomed)}
        onRemoved={removed}
      />
    </div>
  );
}

function columnsOf(
  marked: ReadonlyMap<string, EvaluationRecordRow>,
  onMark: (one: EvaluationRecordRow) => void,
): readonly Column<EvaluationRecordRow>[] {
  return [
    {
      id: "mark",
      label: "Chosen",
      isUntitled: true,
      width: "2.5rem",
      show: (one) => (
        <input
          type="checkbox"
          tabIndex={-1}
          aria-label={`Choose ${one.record_id}`}
          checked={marked.has(one.record_id)}
          onChange={() => onMark(one)}
        />
      ),
    },
    {
      id: "inputs",
      label: "Inputs",
      width: "minmax(14rem,2fr)",
      show: (one) => (
        <Link
          to="."
          search={(now: Search) => ({ ...now, record: one.record_id })}
          title={one.inputs ?? ""}
          className={LINK}
        >
          <bdi>{gistOf(one.inputs ?? "")}</bdi>
        </Link>
      ),
    },
    {
      id: "expectations",
      label: "Expectations",
      width: "minmax(12rem,1.5fr)",
      show: (one) => <Beginning of={one.expectations} />,
    },
    {
      id: "outputs",
      label: "Outputs",
      width: "minmax(10rem,1fr)",
      show: (one) => <Beginning of={one.outputs} />,
    },
    {
      id: "tags",
      label: "Tags",
      width: "minmax(7rem,0.7fr)",
      show: (one) => <Beginning of={one.tags} />,
    },
    {
      id: "source",
      label: "Source",
      width: "8rem",
      show: (one) =>
        one.trace_id ? (
          <Link
            to="/traces/$trace"
            params={{ trace: one.trace_id }}
            title={one.trace_id}
            className={LINK}
          >
            trace
          </Link>
        ) : (
          one.source_type && <Chip title={one.source_type}>{one.source_type.toLowerCase()}</Chip>
        ),
    },
    {
      id: "made",
      label: "Added",
      width: "8rem",
      order: "made",
      show: (one) => <Since at={one.made_at} />,
    },
    {
      id: "changed",
      label: "Changed",
      width: "8rem",
      order: "changed",
      show: (one) => <Since at={one.changed_at} />,
    },
  ];
}

/** The beginning of a value, as text. */
function Beginning({ of }: { of: string | null }) {
  return (
    <bdi className="text-xs text-muted" title={of ?? ""}>
      {of}
    </bdi>
  );
}

function NoRecords({ of }: { of: EvaluationDataset }) {
  const [read, , add] = snippets(of.dataset_id, window.location.origin);
  return (
    <Empty title="No records yet">
      <p>
        Choose some{" "}
        <Link to="/traces" className={LINK}>
          traces
        </Link>{" "}
        and press <em>Add to dataset</em>, or add records by MLflow&apos;s client:
      </p>
      <div className="mt-2 grid gap-2 text-left">
        {[read, add].map((one) => one && <CommandLine key={one.why} text={one.text} />)}
      </div>
    </Empty>
  );
}
