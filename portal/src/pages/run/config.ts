/** Params as the nested config they came from: keys are parted at slashes. */

export type Config = { [key: string]: Config | string };

/**
 * The config of some params. Where a key is both a value and a branch (`a` and `a/b`), the branch
 * has the value under the empty name, so that nothing is lost.
 */
export function nested(params: Record<string, string>): Config {
  const root: Config = Object.create(null) as Config;
  for (const key of Object.keys(params).sort()) {
    const parts = key.split("/").filter(Boolean);
    const name = parts.pop() ?? key;
    let place = root;
    for (const part of parts) {
      const there = place[part];
      if (typeof there === "object") place = there;
      else {
        const branch: Config = Object.create(null) as Config;
        if (there !== undefined) branch[""] = there;
        place[part] = branch;
        place = branch;
      }
    }
    const value = params[key] ?? "";
    const there = place[name];
    if (typeof there === "object") there[""] = value;
    else place[name] = value;
  }
  return root;
}
