/** All that happened to a model: versions, aliases, reviews, gates, deployments. */

import type { ModelTabProps } from "./ModelPage";
import { Timeline } from "./Timeline";

export default function ModelHistory({ model }: ModelTabProps) {
  return (
    <div className="mx-auto max-w-4xl p-3">
      <Timeline name={model.name} />
    </div>
  );
}
