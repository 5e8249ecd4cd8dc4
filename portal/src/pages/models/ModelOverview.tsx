/** What a model is: its card and versions, its aliases, tags and who may know more. */

import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { changeModel, type Model } from "../../api/models";
import { when } from "../../ui/format";
import { MarkdownBox } from "../../ui/MarkdownBox";
import { TagBox } from "../../ui/TagBox";
import { Facts, Section } from "../../ui/parts";
import { Aliases } from "./Aliases";
import type { ModelTabProps } from "./ModelPage";
import { LINK, Person } from "./parts";
import { Versions } from "./Versions";

export default function ModelOverview({ model }: ModelTabProps) {
  return (
    <div className="grid items-start gap-3 p-3 xl:grid-cols-[minmax(0,1fr)_22rem]">
      <div className="grid min-w-0 grid-cols-1 gap-3">
        <Versions model={model} />
        <Card model={model} />
      </div>
      <div className="grid min-w-0 gap-3 md:grid-cols-2 xl:grid-cols-1">
        <Aliases model={model} />
        <Tags model={model} />
        <Section title="About">
          <Facts
            of={[
              ["Registered", when(model.registered_at)],
              ["By", model.created_by && <Person key="p" name={model.created_by} />],
              ["Changed", when(model.changed_at)],
              [
                "Events",
                <Link key="e" to="/settings/$tab" params={{ tab: "webhooks" }} className={LINK}>
                  Webhooks
                </Link>,
              ],
            ]}
          />
        </Section>
      </div>
    </div>
  );
}

function Card({ model }: { model: Model }) {
  const client = useQueryClient();
  return (
    <MarkdownBox
      title="Card"
      text={model.description ?? ""}
      keyName="e"
      nothing="Nothing is written yet. Say what it is for, what it was trained on, and where it must not be used; Markdown is fine."
      onSave={(text, was) => changeModel(model.name, { description: text || null, was })}
      refresh={() => client.invalidateQueries({ queryKey: ["models", model.name, "model"] })}
    />
  );
}

function Tags({ model }: { model: Model }) {
  const client = useQueryClient();

  async function change(tag: string, to: string | null) {
    const was = model.tags[tag] ?? null;
    const set = async (value: string | null) => {
      await changeModel(model.name, { tags: { [tag]: value } });
      await client.invalidateQueries({ queryKey: ["models", model.name, "model"] });
    };
    await set(to);
    return () => set(was);
  }

  return <TagBox tags={model.tags} onChange={change} />;
}
