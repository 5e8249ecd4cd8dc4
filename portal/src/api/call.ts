/**
 * Calls of our own API by path, typed by its description.
 *
 * `schema.ts` is generated from what the server says of itself (`python -m scripts.portal types`), so
 * a path, a parameter or a field that it does not know is an error of the compiler.
 */

import { getJson, sendJson, type Query } from "./client";
import type { components, paths } from "./schema";

/** A structure of the API by its name: `Schema<"ExperimentEntry">`. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

type Method = "get" | "post" | "put" | "patch" | "delete";
type Asked<Path extends keyof paths, M extends Method> = NonNullable<paths[Path][M]>;

/** The paths that can be asked by a method. */
export type PathOf<M extends Method> = {
  [Path in keyof paths]: paths[Path][M] extends object ? Path : never;
}[keyof paths];

type Json<T> = T extends { content: { "application/json": infer Body } } ? Body : undefined;

/** What a call is answered with. */
export type Answer<Path extends keyof paths, M extends Method = "get"> =
  Asked<Path, M> extends { responses: infer Told }
    ? Json<Told[Extract<keyof Told, 200 | 201 | 202 | 204>]>
    : never;

/** Whatever has a default may be left out of what is sent. */
type Given<T> = T extends readonly (infer One)[]
  ? readonly Given<One>[]
  : T extends object
    ? { [Name in keyof T]?: Given<T[Name]> }
    : T;

type Body<Path extends keyof paths, M extends Method> =
  Asked<Path, M> extends { requestBody?: { content: { "application/json": infer Sent } } }
    ? Given<Sent>
    : undefined;

type Parts<Path extends keyof paths, M extends Method> =
  Asked<Path, M> extends { parameters: { path: infer Names } } ? Names : undefined;

type Words<Path extends keyof paths, M extends Method> =
  Asked<Path, M> extends { parameters: { query?: infer Names } } ? Names : undefined;

type Options<Path extends keyof paths, M extends Method> = (Parts<Path, M> extends object
  ? { path: Parts<Path, M> }
  : { path?: undefined }) & {
  query?: Words<Path, M> | undefined;
  body?: Body<Path, M> | undefined;
  signal?: AbortSignal | undefined;
};

/** A path with its parts filled in; a part may hold anything. */
export function address(path: string, parts: object = {}): string {
  const named = parts as Record<string, string | number>;
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(named[name] ?? ""));
}

/** Ask: `get("/api/v1/runs/{run_id}", { path: { run_id }, signal })`. */
export function get<Path extends PathOf<"get">>(
  path: Path,
  options: Options<Path, "get">,
): Promise<Answer<Path>> {
  return getJson(address(path, options.path), options.query as Query, options.signal);
}

/** Send, to change something or to ask with a body. */
export function send<M extends "post" | "put" | "patch" | "delete", Path extends PathOf<M>>(
  method: M,
  path: Path,
  options: Options<Path, M>,
): Promise<Answer<Path, M>> {
  const at = address(path, options.path);
  const name = method.toUpperCase() as Uppercase<M>;
  return sendJson(name, at, options.body, options.signal);
}
