/** Where a version runs, and where it ran. */

import { DeploymentList } from "../deployments/DeploymentList";
import type { VersionTabProps } from "./VersionPage";

export default function VersionDeployments({ detail }: VersionTabProps) {
  return <DeploymentList model={detail.version.name} version={detail.version.version} />;
}
