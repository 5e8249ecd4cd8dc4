/** Models and versions in the palette: what is typed is asked of the server, `digits 3` means one. */

import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Command, useCommandState } from "cmdk";
import { useDeferredValue } from "react";

import { askModels } from "../../api/models";

const SHOWN = 8;

export function FoundModels({ className, onGone }: { className: string; onGone: () => void }) {
  const navigate = useNavigate();
  const typed = useDeferredValue(useCommandState((state) => state.search).trim());
  const { words, version } = asked(typed);
  const found = useQuery({
    queryKey: ["models", "palette", words],
    queryFn: async ({ signal }) =>
      (
        await askModels(
          { search: words, review: "", live: "", order: "changed", is_descending: true },
          0,
          SHOWN,
          signal,
        )
      ).models,
    enabled: words !== "",
    staleTime: 10_000,
  });
  const models = words === "" ? [] : (found.data ?? []);
  if (models.length === 0) return null;
  const go = (name: string, number?: number) => {
    onGone();
    if (number === undefined) void navigate({ to: "/models/$model", params: { model: name } });
    else
      void navigate({
        to: "/models/$model/v/$version",
        params: { model: name, version: String(number) },
      });
  };
  return (
    <Command.Group heading="Models">
      {models.map((one) => (
        <Command.Item
          key={one.name}
          value={`model ${one.name}`}
          keywords={[typed]}
          className={className}
          onSelect={() => go(one.name)}
        >
          <bdi className="truncate">{one.name}</bdi>
          <span className="text-muted">model</span>
        </Command.Item>
      ))}
      {models
        .filter((one) => version !== undefined && one.latest !== null && version <= one.latest)
        .map((one) => (
          <Command.Item
            key={`${one.name}/${version}`}
            value={`version ${one.name}/${version}`}
            keywords={[typed]}
            className={className}
            onSelect={() => go(one.name, version)}
          >
            <bdi className="truncate">{one.name}</bdi>
            <span className="text-muted">version {version}</span>
          </Command.Item>
        ))}
    </Command.Group>
  );
}

/** The words of a name, and the number of a version behind it: `digits 3`, `digits/3`, `digits v3`. */
export function asked(typed: string): { words: string; version?: number } {
  const named = /^(.*\S)(?:\s*\/\s*v?|\s+v?)([1-9]\d{0,8})$/s.exec(typed);
  if (!named) return { words: typed };
  return { words: named[1] ?? "", version: Number(named[2]) };
}
