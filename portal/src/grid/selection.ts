/**
 * Which runs are chosen: some by their ids, or all that match but for a few.
 *
 * "All" is kept as a word and not as ids, so that it holds for a million runs, and for those that
 * come to match while somebody looks.
 */

export type Selection =
  | { kind: "some"; ids: ReadonlySet<string> }
  | { kind: "all"; except: ReadonlySet<string> };

export const NOBODY: Selection = { kind: "some", ids: new Set() };

/** As many ids fit into an address that still can be sent to somebody. */
export const ADDRESS_IDS_MAX = 40;

const ID = /^[0-9a-zA-Z_-]{1,64}$/;

export function isChosen(selection: Selection, id: string): boolean {
  return selection.kind === "all" ? !selection.except.has(id) : selection.ids.has(id);
}

/** How many are chosen, out of so many that match. */
export function chosenCount(selection: Selection, matching: number): number {
  return selection.kind === "all"
    ? Math.max(0, matching - selection.except.size)
    : selection.ids.size;
}

/** Choose some more, or let them go. */
export function choose(selection: Selection, ids: Iterable<string>, isOn: boolean): Selection {
  const isAll = selection.kind === "all";
  const next = new Set(isAll ? selection.except : selection.ids);
  for (const id of ids) {
    if (isOn === isAll) next.delete(id);
    else next.add(id);
  }
  return isAll ? { kind: "all", except: next } : { kind: "some", ids: next };
}

export function toggle(selection: Selection, id: string): Selection {
  return choose(selection, [id], !isChosen(selection, id));
}

/** The selection as it stands in the address; null where there are too many ids for one. */
export function writeSelection(selection: Selection): string | null {
  const ids = selection.kind === "all" ? selection.except : selection.ids;
  if (ids.size > ADDRESS_IDS_MAX) return null;
  const listed = [...ids].join("~");
  if (selection.kind === "some") return listed;
  return listed ? `all~${listed}` : "all";
}

export function readSelection(text: string | undefined): Selection {
  const [first = "", ...rest] = (text ?? "").split("~");
  const isAll = first === "all";
  const ids = new Set((isAll ? rest : [first, ...rest]).filter((one) => ID.test(one)));
  return isAll ? { kind: "all", except: ids } : { kind: "some", ids };
}
