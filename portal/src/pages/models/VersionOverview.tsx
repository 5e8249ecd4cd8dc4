/** What a version is: description, reviews and discussion, what it takes and gives, how to load it. */

import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense } from "react";

import { changeVersion, type VersionDetail } from "../../api/models";
import { Waiting } from "../../ui";
import { count, size, when } from "../../ui/format";
import { MarkdownBox } from "../../ui/MarkdownBox";
import { TagBox } from "../../ui/TagBox";
import { CommandLine, CopyButton, Facts, Section } from "../../ui/parts";
import { snippets } from "./loading";
import { Signature } from "./Signature";
import { Origin } from "./Origin";
import type { VersionTabProps } from "./VersionPage";

const Discussion = lazy(() => import("../../discussion/Discussion"));
const Reviews = lazy(() => import("../../discussion/Reviews"));

export default function VersionOverview({ detail }: VersionTabProps) {
  const { version } = detail;
  const subject = { kind: "model" as const, id: `${version.name}/${version.version}` };
  return (
    <div className="grid items-start gap-3 p-3 xl:grid-cols-[minmax(0,1fr)_26rem]">
      <div className="grid min-w-0 grid-cols-1 gap-3">
        <Description detail={detail} />
        <Suspense fallback={<Waiting />}>
          <Reviews of={subject} />
        </Suspense>
        <Signature version={version} />
        <Suspense fallback={<Waiting />}>
          <Discussion of={subject} />
        </Suspense>
      </div>
      <div className="grid min-w-0 gap-3 md:grid-cols-2 xl:grid-cols-1">
        <Origin version={version} />
        <Section title="How to load it">
          <div className="grid gap-2 p-3">
            {snippets(version, window.location.origin).map((one) => (
              <CommandLine key={one.why} why={one.why} text={one.text} />
            ))}
          </div>
        </Section>
        <Tags detail={detail} />
        <Section title="About">
          <Facts
            of={[
              ["Registered", when(version.registered_at)],
              ["By", version.created_by],
              [
                "Files",
                version.files !== null && `${count(version.files, "file")}, ${size(version.bytes)}`,
              ],
              [
                "Digest",
                version.digest && (
                  <span key="d" className="flex items-start gap-1">
                    <code className="min-w-0 font-mono text-xs break-all">{version.digest}</code>
                    <CopyButton text={version.digest} />
                  </span>
                ),
              ],
              [
                "Source",
                version.source && (
                  <code key="s" className="font-mono text-xs break-all">
                    {version.source}
                  </code>
                ),
              ],
              ["Stage", version.stage === "None" ? "" : version.stage],
              ["Why it failed", version.status_message],
            ]}
          />
        </Section>
      </div>
    </div>
  );
}

function Description({ detail }: { detail: VersionDetail }) {
  const client = useQueryClient();
  const { name, version, description } = detail.version;
  const key = { name, version: String(version) };
  return (
    <MarkdownBox
      title="Description"
      text={description ?? ""}
      keyName="e"
      nothing="Nothing is written yet. Say what is different in this version; Markdown is fine."
      onSave={(text, was) => changeVersion(key, { description: text || null, was })}
      refresh={() =>
        client.invalidateQueries({ queryKey: ["models", name, "version", key.version] })
      }
    />
  );
}

function Tags({ detail }: { detail: VersionDetail }) {
  const client = useQueryClient();
  const { name, version, tags } = detail.version;
  const key = { name, version: String(version) };

  async function change(tag: string, to: string | null) {
    const was = tags[tag] ?? null;
    const set = async (value: string | null) => {
      await changeVersion(key, { tags: { [tag]: value } });
      await client.invalidateQueries({ queryKey: ["models", name, "version", key.version] });
    };
    await set(to);
    return () => set(was);
  }

  return <TagBox tags={tags} onChange={change} />;
}
