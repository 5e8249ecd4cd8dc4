/**
 * Writes `pages.json`: the files that each page needs beyond those that all need, by its address.
 *
 * The server names them in the page's head, so that a browser asks for them at once and not only
 * when the first script has run.
 */

import { readFileSync } from "node:fs";

import type { Plugin, Rolldown } from "vite";

const ROUTER = "src/router.tsx";
const PAGE = /page\("([^"]+)", \(\) => import\("\.\/([^"]+)"\)\)/g;

type Chunk = Rolldown.OutputChunk;

export function pageFiles(): Plugin {
  return {
    name: "page-files",
    generateBundle(_options, bundle) {
      const chunks = Object.values(bundle).filter((one): one is Chunk => one.type === "chunk");
      const byName = new Map(chunks.map((one) => [one.fileName, one]));
      const entry = chunks.find((one) => one.isEntry);
      const always = entry ? filesOf(entry, byName) : new Set<string>();
      const found: Record<string, string[]> = {};
      for (const [, path = "", module = ""] of readFileSync(ROUTER, "utf8").matchAll(PAGE)) {
        const chunk = chunks.find((one) => one.facadeModuleId?.endsWith(`/src/${module}.tsx`));
        if (!chunk) throw new Error(`${ROUTER} names ${module}, and no file was built from it`);
        found[path] = [...filesOf(chunk, byName)].filter((name) => !always.has(name));
      }
      if (Object.keys(found).length === 0) throw new Error(`${ROUTER} names no page`);
      this.emitFile({ type: "asset", fileName: "pages.json", source: JSON.stringify(found) });
    },
  };
}

/** A file and all that it imports at once. */
function filesOf(chunk: Chunk, byName: Map<string, Chunk>, found = new Set<string>()): Set<string> {
  if (found.has(chunk.fileName)) return found;
  found.add(chunk.fileName);
  for (const name of chunk.imports) {
    const imported = byName.get(name);
    if (imported) filesOf(imported, byName, found);
  }
  return found;
}
