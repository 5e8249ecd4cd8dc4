/** Where lineage begins: find a run, data, a model or a deployment, and look around it. */

import { Link } from "@tanstack/react-router";
import { useDeferredValue, useEffect, useRef, useMemo } from "react";

import { useNodeSearch, type LineageNode, type NodeKind } from "../../api/lineage";
import { useKeys, type Key } from "../../shell/keys";
import { cx, Empty, Failure, Keys, Waiting } from "../../ui";
import { SearchBox } from "../../ui/parts";
import { useSearchText } from "../../ui/useSearchText";
import { addressOf, colourOf, KINDS } from "./kinds";

const ORDER: readonly NodeKind[] = ["dataset", "run", "model", "deployment"];

export default function Start() {
  const [text, setText] = useSearchText("q");
  const wanted = useDeferredValue(text);
  const found = useNodeSearch(wanted);
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => box.current?.focus(), []);
  const keys = useMemo<Key[]>(
    () => [{ keys: "/", does: "Search for where to begin", act: () => box.current?.focus() }],
    [],
  );
  useKeys("Lineage", keys);
  return (
    <div className="mx-auto max-w-6xl p-4">
      <div className="mb-4 flex flex-wrap items-center gap-3">
        <h1 className="text-lg font-semibold">Lineage</h1>
        <p className="text-muted">What was made of what: data, runs, models, deployments</p>
        <span className="ml-auto flex items-center gap-1.5">
          <SearchBox
            ref={box}
            label="Find where to begin, by name or id"
            value={text}
            onChange={setText}
            className="w-80"
          />
          <Keys of="/" />
        </span>
      </div>
      {found.isPending && <Waiting what="Looking" />}
      {found.isError && <Failure error={found.error} onRetry={() => void found.refetch()} />}
      {found.data && <Found nodes={found.data} text={wanted} />}
    </div>
  );
}

function Found({ nodes, text }: { nodes: readonly LineageNode[]; text: string }) {
  if (nodes.length === 0)
    return text ? (
      <Empty title="Nothing is called that">Try fewer letters, or another word.</Empty>
    ) : (
      <Empty title="No lineage yet">
        <p>Say in a run what it reads and what it writes:</p>
        <pre className="mt-2 rounded bg-raised p-3 text-left font-mono text-text">
          {'run.log_input(mere.dataset("iris"))\nrun.log_output(cleaned)'}
        </pre>
      </Empty>
    );
  return (
    <div className="grid grid-cols-[repeat(auto-fit,minmax(15rem,1fr))] gap-4">
      {ORDER.map((kind) => {
        const some = nodes.filter((one) => one.kind === kind);
        return (
          <section key={kind} className="min-w-0 rounded border border-line bg-panel">
            <h2 className="border-b border-line px-3 py-1.5 font-semibold first-letter:uppercase">
              {KINDS[kind].many}
            </h2>
            {some.length === 0 && <p className="p-3 text-muted">None</p>}
            <ul>
              {some.map((one) => (
                <li key={one.node}>
                  <Link
                    to="/lineage/$kind/$id"
                    params={addressOf(one)}
                    className={cx("flex items-center gap-2 px-3 py-1 hover:bg-raised")}
                  >
                    <span
                      aria-hidden="true"
                      className="h-2 w-2 shrink-0 rounded-full"
                      style={{ background: `var(${colourOf(one)})` }}
                    />
                    <bdi className="min-w-0 truncate" title={one.label}>
                      {one.label}
                    </bdi>
                    {one.status && (
                      <span className="ml-auto shrink-0 text-xs text-muted">
                        {one.status.toLowerCase()}
                      </span>
                    )}
                  </Link>
                </li>
              ))}
            </ul>
          </section>
        );
      })}
    </div>
  );
}
