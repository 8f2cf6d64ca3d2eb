// Builds the page. Its traps are named where they are solved; most are that Grafana's packages expect Grafana's own build.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Scenes speaks version 6 of the router by the name of version 5, which @grafana/ui and @grafana/runtime want.
const routerOfScenes = {
  name: "router-of-scenes",
  enforce: "pre",
  resolveId(source, importer) {
    if (source === "react-router-dom" && importer?.includes("@grafana/scenes")) {
      return this.resolve("react-router-dom-v5-compat", importer, { skipSelf: true });
    }
  },
};

export default defineConfig({
  plugins: [routerOfScenes, react()],
  define: { "process.env": {}, global: "globalThis" },
  build: {
    target: "es2022",
    minify: false,
    chunkSizeWarningLimit: 1e6,
    rollupOptions: { shimMissingExports: true, onwarn() {} },
  },
});
