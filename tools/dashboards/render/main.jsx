// One dashboard, drawn: ?board=FILE&prometheus=URL, and var-NAME=VALUE, from=, to= as in Grafana.
import React from "react";
import { createRoot } from "react-dom/client";
import { GlobalStyles, PortalContainer } from "@grafana/ui";
import { ThemeContext } from "@grafana/data";
import { MemoryRouter } from "react-router-dom-v5-compat";
import { boot, theme } from "./boot.js";
import { Source, asked } from "./datasource.js";
import { plugins } from "./plugins.jsx";
import { scene } from "./board.jsx";

const parameters = new URLSearchParams(location.search);
const chosen = Object.fromEntries([...parameters].filter(([name]) => name.startsWith("var-")).map(([name, value]) => [name.slice(4), value]));
const time = parameters.has("from") ? { from: parameters.get("from"), to: parameters.get("to") ?? "now" } : null;

window.asked = asked;
const json = await (await fetch(`/dashboards/${parameters.get("board")}.json`)).json();
await boot(new Source(parameters.get("prometheus")), plugins);
const made = scene(json, chosen, time);

createRoot(document.getElementById("root")).render(
  <ThemeContext.Provider value={theme}>
    <GlobalStyles />
    <MemoryRouter>
      <h3 style={{ padding: "12px 16px 8px", margin: 0, fontWeight: 500 }}>{json.title}</h3>
      <div style={{ padding: "0 8px" }}>
        <made.Component model={made} />
      </div>
      <PortalContainer />
    </MemoryRouter>
  </ThemeContext.Provider>
);
