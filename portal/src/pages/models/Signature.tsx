/** What a version takes and gives, and how it can be loaded. */

import { useMemo } from "react";

import type { Version } from "../../api/models";
import { Chip } from "../../ui";
import { Remark, Section } from "../../ui/parts";
import { signatureOf, type Field } from "./signature";

export function Signature({ version }: { version: Version }) {
  const shape = useMemo(() => signatureOf(version.signature), [version.signature]);
  const flavors = Object.keys(version.flavors);
  return (
    <Section
      title="Inputs and outputs"
      side={flavors.map((one) => (
        <Chip key={one} title={version.flavors[one] ?? ""}>
          {one}
        </Chip>
      ))}
    >
      {shape === null ? (
        <Remark>
          It says nothing of what it takes and gives. MLflow writes that down where{" "}
          <code>log_model</code> is given a <code>signature</code> or an <code>input_example</code>.
        </Remark>
      ) : (
        <div className="grid gap-3 p-3 md:grid-cols-2">
          <Fields title="Takes" of={shape.inputs} />
          <Fields title="Gives" of={shape.outputs} />
          {shape.params.length > 0 && <Fields title="Params" of={shape.params} />}
        </div>
      )}
    </Section>
  );
}

const FIELDS_MAX = 500;

function Fields({ title, of }: { title: string; of: readonly Field[] }) {
  return (
    <div className="min-w-0">
      <h3 className="mb-1 font-medium">
        {title} <span className="font-normal text-muted">({of.length})</span>
      </h3>
      <div
        className="max-h-80 overflow-auto rounded border border-line"
        tabIndex={0}
        role="group"
        aria-label={title}
      >
        <table className="w-full text-left">
          <thead className="sr-only">
            <tr>
              <th>Name</th>
              <th>Type</th>
            </tr>
          </thead>
          <tbody>
            {of.slice(0, FIELDS_MAX).map((one, at) => (
              <tr key={at} className="border-b border-line last:border-0">
                <td className="px-2 py-0.5 font-mono text-xs break-all">
                  <bdi>{one.name}</bdi>
                </td>
                <td className="px-2 py-0.5 text-muted">
                  {one.type}
                  {one.isOptional && ", optional"}
                  {one.note && `, ${one.note}`}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {of.length > FIELDS_MAX && <p className="text-muted">The first {FIELDS_MAX} are shown.</p>}
    </div>
  );
}
