import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { cache } from "./api/cache";
import { router } from "./router";
import { startKeys } from "./shell/keys";
import { startTheme } from "./shell/theme";
import "./styles.css";

// What the page asks for first is on its way while React makes ready.
void router.load();
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
