/** Code that loads a version, to be copied. */

import type { Version } from "../../api/models";

export interface Snippet {
  why: string;
  text: string;
}

/** A text as Python writes it. */
function python(text: string): string {
  return JSON.stringify(text);
}

export function snippets(
  version: Pick<Version, "name" | "version" | "aliases" | "flavors" | "files">,
  server: string,
): Snippet[] {
  const number = `models:/${version.name}/${version.version}`;
  const address = `import mlflow\n\nmlflow.set_tracking_uri(${python(server)})\n`;
  const isLoadable = Object.keys(version.flavors).length > 0;
  const found: Snippet[] = [];
  if (isLoadable)
    found.push({
      why: "With MLflow's client, this very version:",
      text: `${address}model = mlflow.pyfunc.load_model(${python(number)})`,
    });
  const alias = version.aliases[0];
  if (isLoadable && alias)
    found.push({
      why: `Whatever @${alias} points at when it is loaded:`,
      text: `model = mlflow.pyfunc.load_model(${python(`models:/${version.name}@${alias}`)})`,
    });
  found.push({
    why: isLoadable ? "Only its files:" : "Its files, with MLflow's client:",
    text: `${isLoadable ? "" : address}folder = mlflow.artifacts.download_artifacts(${python(number)})`,
  });
  if ((version.files ?? 0) > 0)
    found.push({
      why: "The same with mere, from wherever the warehouse can be read:",
      text: `mere models get ${shell(`${version.name}/${version.version}`)} --to model`,
    });
  return found;
}

/** A word as a shell takes it. */
export function shell(word: string): string {
  return /^[\w./@:+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
