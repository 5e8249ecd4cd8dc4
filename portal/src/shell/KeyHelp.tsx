/** All keys that do something now, and whether single ones do. */

import { Dialog, Keys } from "../ui";
import { useKeyMap } from "./keys";
import { SingleKeys } from "./SingleKeys";

export default function KeyHelp({ onClose }: { onClose: () => void }) {
  const layers = useKeyMap();
  return (
    <Dialog title="Keys" isOpen onClose={onClose} width="44rem">
      <div className="grid grid-cols-2 gap-x-8 gap-y-4">
        {layers.map((layer) => (
          <section key={layer.title}>
            <h3 className="mb-1 font-semibold">{layer.title}</h3>
            <dl>
              {layer.keys.map((key) => (
                <div key={key.keys} className="flex justify-between gap-4 py-0.5">
                  <dt>{key.does}</dt>
                  <dd>
                    <Keys of={key.keys} />
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <SingleKeys className="mt-4" />
    </Dialog>
  );
}
