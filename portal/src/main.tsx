import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { cache } from "./api/cache";
import { router } from "./router";
import { startKeys } from "./shell/keys";
import { startTheme } from "./shell/theme";
import "./styles.css";

const PENDING_MS = 1_000;

// What the page asks for first is on its way while React makes ready. The shell does not wait for
// it; from page to page, the last one stays until the next is there.
router.update({ ...router.options, defaultPendingMs: 0 });
void router.load().finally(() => {
  router.update({ ...router.options, defaultPendingMs: PENDING_MS });
});
startTheme();
startKeys();
const root = document.getElementById("root");
if (root === null) throw new Error("the page has no root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={cache}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
