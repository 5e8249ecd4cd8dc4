/** The command palette: go anywhere, do anything that has a key. */

import { useNavigate } from "@tanstack/react-router";
import { Command } from "cmdk";
import { Dialog as RadixDialog } from "radix-ui";

import { useExperiments } from "../api/experiments";
import { FoundModels } from "../pages/models/FoundModels";
import { FoundReports } from "../pages/reports/FoundReports";
import { FoundTraces } from "../pages/traces/FoundTraces";
import { Keys } from "../ui";
import { useKeyMap } from "./keys";
import { PLACES } from "./Shell";

const ITEM =
  "flex cursor-pointer items-center justify-between rounded px-2 py-1.5 data-[selected=true]:bg-chosen";

export default function Palette({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const experiments = useExperiments();
  const layers = useKeyMap();

  function go(to: string) {
    onClose();
    void navigate({ to });
  }

  return (
    <RadixDialog.Root open onOpenChange={(open) => !open && onClose()}>
      <RadixDialog.Portal>
        <RadixDialog.Overlay className="fixed inset-0 z-40 bg-black/40" />
        <RadixDialog.Content
          aria-describedby={undefined}
          className="fixed top-[12vh] left-1/2 z-50 w-[min(40rem,94vw)] -translate-x-1/2 overflow-hidden rounded-lg border border-line bg-panel shadow-xl"
        >
          <RadixDialog.Title className="sr-only">Find anything</RadixDialog.Title>
          <Command label="Find anything" loop>
            <Command.Input
              autoFocus
              placeholder="An experiment, a model, a page, something to do"
              className="w-full border-b border-line bg-panel px-3 py-2.5 text-[15px] outline-none"
            />
            <Command.List className="max-h-[56vh] overflow-auto p-1.5">
              <Command.Empty className="p-4 text-muted">Nothing is called that.</Command.Empty>
              <Command.Group heading="Go to">
                {PLACES.map((place) => (
                  <Command.Item key={place.to} className={ITEM} onSelect={() => go(place.to)}>
                    {place.label}
                    <Keys of={`g ${place.key}`} />
                  </Command.Item>
                ))}
              </Command.Group>
              <Command.Group heading="Experiments">
                {(experiments.data ?? []).slice(0, 500).map((one) => (
                  <Command.Item
                    key={one.experiment_id}
                    value={`${one.name} ${one.experiment_id}`}
                    className={ITEM}
                    onSelect={() => go(`/p/${one.experiment_id}`)}
                  >
                    <span className="truncate">{one.name}</span>
                  </Command.Item>
                ))}
              </Command.Group>
              <FoundModels className={ITEM} onGone={onClose} />
              <FoundReports className={ITEM} onGone={onClose} />
              <FoundTraces className={ITEM} onGone={onClose} />
              {layers.slice(1).map((layer) => (
                <Command.Group key={layer.title} heading={layer.title}>
                  {layer.keys.map((key) => (
                    <Command.Item
                      key={key.keys}
                      className={ITEM}
                      onSelect={() => {
                        onClose();
                        key.act(new KeyboardEvent("keydown"));
                      }}
                    >
                      {key.does}
                      <Keys of={key.keys} />
                    </Command.Item>
                  ))}
                </Command.Group>
              ))}
            </Command.List>
          </Command>
        </RadixDialog.Content>
      </RadixDialog.Portal>
    </RadixDialog.Root>
  );
}
