import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

import { pageFiles } from "./pageFiles";

// `npm run dev` shows the sources; what they ask for comes from a server started beside it.
const server = process.env.MERE_URL ?? "http://127.0.0.1:5000";

export default defineConfig({
  plugins: [react(), tailwindcss(), pageFiles()],
  build: {
    outDir: "../src/mere/server/portal/static",
    emptyOutDir: true,
    target: "es2022",
    manifest: true,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 250,
  },
  server: {
    // The host stays the page's own: the server refuses changes that come from another origin.
    proxy: {
      "/api": { target: server, changeOrigin: false },
      "/ajax-api": { target: server, changeOrigin: false },
      "/health": { target: server, changeOrigin: false },
    },
  },
});
