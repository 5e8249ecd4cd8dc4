/** Choosing a metric or a param among very many: the server searches, a few are listed. */

import { useState } from "react";

import { count } from "../ui/format";
import { columnOf, keyOf } from "./data";
import { useKeyPages } from "./useKeyPages";

const LISTED = 40;

export function KeyPicker({
  label,
  experiment,
  families,
  chosen,
  onChoose,
}: {
  label: string;
  experiment: string;
  families: readonly ("metrics" | "params")[];
  /** Columns as the filter language names them. */
  chosen: readonly string[];
  onChoose: (column: string) => void;
}) {
  const [text, setText] = useState("");
  return (
    <fieldset className="min-w-0 flex-1">
      <legend className="mb-1 font-medium">{label}</legend>
      <input
        type="search"
        aria-label={`Find: ${label}`}
        placeholder="Words of its name"
        value={text}
        onChange={(event) => setText(event.target.value)}
        className="mb-1 h-7 w-full rounded border border-line bg-panel px-2"
      />
      <div
        className="h-56 overflow-auto rounded border border-line"
        role="group"
        aria-label={label}
      >
        {families.map((family) => (
          <Found
            key={family}
            family={family}
            experiment={experiment}
            search={text.trim()}
            chosen={chosen}
            onChoose={onChoose}
          />
        ))}
      </div>
      <p className="mt-1 truncate text-muted">
        {chosen.length ? chosen.map(keyOf).join(", ") : "None is chosen"}
      </p>
    </fieldset>
  );
}

function Found({
  family,
  experiment,
  search,
  chosen,
  onChoose,
}: {
  family: "metrics" | "params";
  experiment: string;
  search: string;
  chosen: readonly string[];
  onChoose: (column: string) => void;
}) {
  const [below, setBelow] = useState("");
  const pages = useKeyPages(experiment, family, search ? { search } : { below });
  const page = pages.data?.pages[0];
  const item = "block w-full truncate px-2 py-0.5 text-left hover:bg-raised";
  return (
    <section>
      <h4 className="sticky top-0 bg-raised px-2 py-0.5 text-muted">
        {family === "metrics" ? "Metrics" : "Params"}
        {page && ` · ${page.total.toLocaleString("en")}`}
      </h4>
      {below && !search && (
        <button type="button" className={item} onClick={() => setBelow(parentOf(below))}>
          ↩ {below}
        </button>
      )}
      {page?.nodes.slice(0, search ? LISTED : 200).map((node) =>
        node.keys > 0 ? (
          <button
            key={node.path}
            type="button"
            className={item}
            onClick={() => setBelow(node.path)}
          >
            ▸ {node.name}/ <span className="text-muted">{count(node.keys, "key")}</span>
          </button>
        ) : (
          <button
            key={node.path}
            type="button"
            aria-pressed={chosen.includes(columnOf(family, node.path))}
            className={`${item} aria-pressed:bg-chosen`}
            onClick={() => onChoose(columnOf(family, node.path))}
          >
            {search ? node.path : node.name}
          </button>
        ),
      )}
      {page && search && page.total > LISTED && (
        <p className="px-2 text-muted">
          {(page.total - LISTED).toLocaleString("en")} more: type more of the name
        </p>
      )}
    </section>
  );
}

function parentOf(path: string): string {
  const cut = path.slice(0, -1).lastIndexOf("/");
  return cut < 0 ? "" : path.slice(0, cut + 1);
}
