/** Which run is looked at, and which of its tabs. */

import { useParams } from "@tanstack/react-router";

interface Address {
  experiment: string;
  run: string;
  tab: string;
}

export function addressOf(params: Partial<Record<keyof Address, string | undefined>>): Address {
  const { experiment = "", run = "", tab = "overview" } = params;
  return { experiment, run, tab };
}

/** Which run, and which of its tabs. */
export function useAddress(): Address {
  return addressOf(useParams({ strict: false }));
}
