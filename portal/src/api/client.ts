/** What the portal asks the server: JSON for entities, Arrow for series and windows. */

import type { ExtractionOptions, Table } from "@uwdata/flechette";

/** An error as the server says it, or what kept its answer from coming. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: Record<string, unknown> = {},
    readonly requestId = "",
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** Whether to try again may help. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export type Query = Record<
  string,
  string | number | boolean | readonly string[] | null | undefined
>;

interface Wanted {
  method?: string;
  query?: Query;
  body?: unknown;
  signal?: AbortSignal | undefined;
  accept?: string;
}

const ARROW = "application/vnd.apache.arrow.stream";
const CSRF_HEADER = "X-Mere-CSRF";
let csrfToken: string | null = null;

/** What the session told us to send along with whatever changes something. */
export function setCsrfToken(token: string | null): void {
  csrfToken = token;
}

export function url(path: string, query: Query = {}): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === "") continue;
    if (typeof value === "object") for (const one of value) words.append(name, one);
    else words.append(name, String(value));
  }
  const text = words.toString();
  return text ? `${path}?${text}` : path;
}

async function ask(path: string, wanted: Wanted): Promise<Response> {
  const headers: Record<string, string> = {
    Accept: wanted.accept ?? "application/json",
    "X-Requested-With": "fetch", // where nobody is signed in, no dialog of the browser's own
  };
  const method = wanted.method ?? "GET";
  if (wanted.body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && csrfToken) headers[CSRF_HEADER] = csrfToken;
  let response: Response;
  try {
    response = await fetch(url(path, wanted.query), {
      method,
      headers,
      signal: wanted.signal ?? null,
      credentials: "same-origin",
      ...(wanted.body === undefined ? {} : { body: JSON.stringify(wanted.body) }),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "unreachable", "the server does not answer: is it running?");
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

async function refusal(response: Response): Promise<ApiError> {
  try {
    const { error } = (await response.json()) as {
      error: {
        code: string;
        message: string;
        details: Record<string, unknown>;
        request_id: string;
      };
    };
    return new ApiError(
      response.status,
      error.code,
      error.message,
      error.details,
      error.request_id,
    );
  } catch {
    return new ApiError(response.status, "unreadable", `the server answered ${response.status}`);
  }
}

/** Ask for JSON. */
export async function getJson<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  const response = await ask(path, { ...(query ? { query } : {}), signal });
  return (await response.json()) as T;
}

/** Send JSON and be answered with JSON. */
export async function sendJson<T>(
  method: "POST" | "PUT" | "PATCH" | "DELETE",
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<T> {
  const response = await ask(path, { method, body, signal });
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

/** An Arrow table with the headers it came with; no table where nothing changed (204, 304). */
export interface Answer {
  table: Table | null;
  headers: Headers;
  bytes: number;
}

/** Send JSON and be answered with Arrow. */
export async function postArrow(
  path: string,
  body: unknown,
  signal?: AbortSignal,
  options?: ExtractionOptions,
): Promise<Answer> {
  return opened(ask(path, { method: "POST", body, accept: ARROW, signal }), options);
}

/** Ask for Arrow. */
export async function getArrow(path: string, query: Query, signal?: AbortSignal): Promise<Answer> {
  return opened(ask(path, { query, accept: ARROW, signal }));
}

async function opened(asked: Promise<Response>, options?: ExtractionOptions): Promise<Answer> {
  // What reads Arrow comes while the server thinks; pages without any never load it.
  const [response, { tableOf }] = await Promise.all([asked, import("./arrow")]);
  const bytes =
    response.status === 204 ? new Uint8Array() : new Uint8Array(await response.arrayBuffer());
  const table = bytes.length ? tableOf(bytes, options) : null;
  return { table, headers: response.headers, bytes: bytes.length };
}

/** Send JSON and be answered with a file of some kind. */
export async function postFile(path: string, body: unknown, kind: string): Promise<Blob> {
  return (await ask(path, { method: "POST", body, accept: kind })).blob();
}

/** The text of an object, or its first bytes. */
export async function getText(path: string, query?: Query, signal?: AbortSignal): Promise<string> {
  return (await ask(path, { ...(query ? { query } : {}), accept: "*/*", signal })).text();
}

/** The bytes of an object, as a blob of the type that the caller expects: never of another. */
export async function getBlob(path: string, type: string, signal?: AbortSignal): Promise<Blob> {
  const response = await ask(path, { accept: "*/*", signal });
  return new Blob([await response.arrayBuffer()], { type });
}
