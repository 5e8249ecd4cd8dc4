/** The answers of the server that are kept, for as long as each of them holds. */

import { QueryClient } from "@tanstack/react-query";

import { ApiError } from "./client";

export const cache = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (failures, error) => failures < 2 && error instanceof ApiError && error.isPassing,
      refetchOnWindowFocus: false,
    },
  },
});
