/** Whether keys without Ctrl do something in this browser. */

import { cx } from "../ui";
import { areSingleKeysOn, setSingleKeys, useKeyMap } from "./keys";

export function SingleKeys({ className }: { className?: string }) {
  // Whoever switches them elsewhere changes the map.
  useKeyMap();
  return (
    <label className={cx("flex items-center gap-2", className)}>
      <input
        type="checkbox"
        checked={areSingleKeysOn()}
        onChange={(event) => setSingleKeys(event.target.checked)}
      />
      Single keys do something (those with Ctrl always do)
    </label>
  );
}
