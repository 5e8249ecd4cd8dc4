/** A diff as git writes it, read into files and lines. */

export type DiffKind = "hunk" | "add" | "delete" | "same" | "note";

export interface DiffLine {
  kind: DiffKind;
  text: string;
  /** Line numbers before and after; null where the line is in one of the two only. */
  before: number | null;
  after: number | null;
}

export interface DiffFile {
  path: string;
  /** What it was called before, where that is another name. */
  from: string | null;
  change: "changed" | "added" | "deleted" | "renamed";
  isBinary: boolean;
  added: number;
  deleted: number;
  lines: DiffLine[];
}

/** A line of both sides: what was deleted stands beside what was added in its place. */
export interface SplitLine {
  before: DiffLine | null;
  after: DiffLine | null;
}

/** The lines of a file side by side; heads of hunks and notes are on both. */
export function sideBySide(lines: readonly DiffLine[]): SplitLine[] {
  const found: SplitLine[] = [];
  let [gone, come]: [DiffLine[], DiffLine[]] = [[], []];
  const settle = () => {
    for (let at = 0; at < Math.max(gone.length, come.length); at++)
      found.push({ before: gone[at] ?? null, after: come[at] ?? null });
    [gone, come] = [[], []];
  };
  for (const line of lines) {
    if (line.kind === "delete") gone.push(line);
    else if (line.kind === "add") come.push(line);
    else {
      settle();
      found.push({ before: line, after: line });
    }
  }
  settle();
  return found;
}

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;

export function readDiff(text: string): DiffFile[] {
  const files: DiffFile[] = [];
  let file: DiffFile | null = null;
  let [before, after] = [0, 0];
  // How many lines the hunk still has, before and after: only these are content.
  let [oldLeft, newLeft] = [0, 0];
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  for (const line of lines) {
    const put = (kind: DiffKind, shown: string, old: number | null, now: number | null) =>
      file?.lines.push({ kind, text: shown, before: old, after: now });
    if (oldLeft > 0 || newLeft > 0) {
      const mark = line[0];
      if (mark === "+") {
        put("add", line.slice(1), null, after++);
        newLeft--;
        if (file) file.added++;
        continue;
      }
      if (mark === "-") {
        put("delete", line.slice(1), before++, null);
        oldLeft--;
        if (file) file.deleted++;
        continue;
      }
      if (mark === " " || line === "") {
        put("same", line.slice(1), before++, after++);
        oldLeft--;
        newLeft--;
        continue;
      }
    }
    if (line.startsWith("\\")) {
      put("note", line.slice(2), null, null);
      continue;
    }
    const hunk = HUNK.exec(line);
    if (hunk) {
      [before, after] = [Number(hunk[1]), Number(hunk[3])];
      [oldLeft, newLeft] = [Number(hunk[2] ?? 1), Number(hunk[4] ?? 1)];
      put("hunk", line, null, null);
      continue;
    }
    if (line.startsWith("diff --git ")) {
      file = begun(line);
      files.push(file);
    } else if (file) head(file, line);
  }
  return files;
}

function begun(line: string): DiffFile {
  const names = line.slice("diff --git ".length);
  // Both names are the same but for a renamed file, which says its names below.
  const half = names.slice(0, Math.floor(names.length / 2));
  return {
    path: plain(half.trim()),
    from: null,
    change: "changed",
    isBinary: false,
    added: 0,
    deleted: 0,
    lines: [],
  };
}

function head(file: DiffFile, line: string): void {
  if (line.startsWith("new file mode")) file.change = "added";
  else if (line.startsWith("deleted file mode")) file.change = "deleted";
  else if (line.startsWith("rename from ")) {
    file.change = "renamed";
    file.from = unquoted(line.slice("rename from ".length));
  } else if (line.startsWith("rename to ")) file.path = unquoted(line.slice("rename to ".length));
  else if (line.startsWith("+++ ") && line !== "+++ /dev/null") file.path = plain(line.slice(4));
  else if (line.startsWith("--- ") && line !== "--- /dev/null" && file.change === "deleted")
    file.path = plain(line.slice(4));
  else if (line.startsWith("Binary files ") || line === "GIT binary patch") file.isBinary = true;
}

/** A name without quotes and without the `a/` or `b/` before it. */
function plain(name: string): string {
  return unquoted(name.replace(/\t$/, "")).replace(/^[ab]\//, "");
}

/** Git quotes names that hold more than plain letters, bytes in octal. */
function unquoted(name: string): string {
  if (!name.startsWith('"') || !name.endsWith('"')) return name;
  const bytes: number[] = [];
  const inner = name.slice(1, -1);
  const named: Record<string, number> = { n: 10, t: 9, r: 13, a: 7, b: 8, f: 12, v: 11 };
  for (const match of inner.matchAll(/\\([0-7]{3})|\\(.)|([^\\]+)/gs)) {
    if (match[1]) bytes.push(parseInt(match[1], 8));
    else if (match[2]) bytes.push(named[match[2]] ?? match[2].charCodeAt(0));
    else bytes.push(...new TextEncoder().encode(match[3]));
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}
