/** Arrow tables, read by a library that is loaded with the first of them. */

import { tableFromIPC, type ExtractionOptions, type Table } from "@uwdata/flechette";

/** Numbers as JavaScript has them, and times as milliseconds: right for all that we count. */
const PLAIN: ExtractionOptions = { useBigInt: false, useDate: false };

export function tableOf(bytes: Uint8Array, options: ExtractionOptions = PLAIN): Table {
  return tableFromIPC(bytes, options);
}

/** An Arrow table that came as base 64 within JSON. */
export function arrowOf(text: string): Table {
  return tableOf(Uint8Array.from(atob(text), (one) => one.charCodeAt(0)));
}
