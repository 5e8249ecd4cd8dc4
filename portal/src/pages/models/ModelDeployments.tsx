/** Where versions of a model run, and where they ran. */

import { DeploymentList } from "../deployments/DeploymentList";
import type { ModelTabProps } from "./ModelPage";

export default function ModelDeployments({ model }: ModelTabProps) {
  return <DeploymentList model={model.name} />;
}
