/** What can be done with a question and its result: save all rows, or take it elsewhere. */

import { DropdownMenu } from "radix-ui";
import { useState } from "react";

import { saveSql, type FILES, type Question } from "../../api/sql";
import { Button } from "../../ui";
import { asCurl, asDuckDb, asPython } from "./tools";

const ITEM =
  "cursor-pointer rounded px-2 py-1 outline-none data-[highlighted]:bg-chosen data-[disabled]:opacity-50";

export function Share({
  question,
  onTold,
}: {
  question: Question;
  /** Something is done, or went wrong. */
  onTold: (words: string, isWrong?: boolean) => void;
}) {
  const [isSaving, setSaving] = useState(false);
  const copy = (text: string, what: string) =>
    void navigator.clipboard.writeText(text).then(
      () => onTold(`${what} is copied`),
      () => onTold("The browser does not let pages copy here", true),
    );
  const save = async (kind: keyof typeof FILES) => {
    setSaving(true);
    onTold(`Making the ${kind} file of all rows …`);
    try {
      download(await saveSql(question, kind), `query.${kind}`);
      onTold(`The ${kind} file is saved`);
    } catch (error) {
      onTold(error instanceof Error ? error.message : String(error), true);
    } finally {
      setSaving(false);
    }
  };
  const { origin } = window.location;
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>
        <Button disabled={isSaving}>
          {isSaving ? "Saving …" : "Save or share"} <span aria-hidden="true">▾</span>
        </Button>
      </DropdownMenu.Trigger>
      {/* Not in a portal: it belongs to the page's own part. */}
      <DropdownMenu.Content
        align="end"
        sideOffset={4}
        className="z-50 w-72 rounded-lg border border-line bg-panel p-1 shadow-xl"
      >
        <DropdownMenu.Label className="px-2 py-1 text-xs text-muted">
          All rows, up to a million, asked anew
        </DropdownMenu.Label>
        {(["csv", "parquet", "arrow"] as const).map((kind) => (
          <DropdownMenu.Item key={kind} className={ITEM} onSelect={() => void save(kind)}>
            Save as {{ csv: "CSV", parquet: "Parquet", arrow: "Arrow" }[kind]}
          </DropdownMenu.Item>
        ))}
        <DropdownMenu.Separator className="my-1 border-t border-line" />
        <DropdownMenu.Item className={ITEM} onSelect={() => copy(window.location.href, "The link")}>
          Copy link
        </DropdownMenu.Item>
        <DropdownMenu.Item className={ITEM} onSelect={() => copy(asPython(question), "The Python")}>
          Copy as Python
        </DropdownMenu.Item>
        <DropdownMenu.Item
          className={ITEM}
          onSelect={() => copy(asDuckDb(question, origin), "The SQL for DuckDB")}
        >
          Copy for DuckDB
        </DropdownMenu.Item>
        <DropdownMenu.Item
          className={ITEM}
          onSelect={() => copy(asCurl(question, origin), "The command")}
        >
          Copy as curl
        </DropdownMenu.Item>
      </DropdownMenu.Content>
    </DropdownMenu.Root>
  );
}

function download(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
