/** A warehouse without traces: how the first one is made. */

import { Empty } from "../../ui";

const CODE = `import mlflow  # or any library of OpenTelemetry

mlflow.set_tracking_uri("ADDRESS")

@mlflow.trace
def answer(question):
    return model(question)`;

export function NoTraces() {
  return (
    <Empty title="No traces yet">
      <p>
        Programs send traces by OpenTelemetry (to <code>/v1/traces</code> of this server) or with
        MLflow&apos;s client:
      </p>
      <pre className="mt-2 rounded bg-raised p-3 text-left font-mono text-text">
        {CODE.replace("ADDRESS", window.location.origin)}
      </pre>
    </Empty>
  );
}
