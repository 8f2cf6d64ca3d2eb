// Draws dashboards in headless Chromium: node shoot.mjs PAGE DASHBOARDS OUT PROMETHEUS [NAME[?var-x=y&from=now-1h]...]
// Writes OUT/NAME.png, prints what each board asked, and fails on errors, empty answers and empty panels.
import { readFile, readdir, mkdir } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.resolve(process.env.HARNESS ?? ".", "x.js"));
const { chromium } = require("playwright-core");
const [page, dashboards, out, prometheus, ...wanted] = process.argv.slice(2);
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".woff2": "font/woff2" };

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, "http://x");
  const [root, file] = pathname.startsWith("/dashboards/") ? [dashboards, pathname.slice(12)] : [page, pathname === "/" ? "index.html" : pathname];
  try {
    const bytes = await readFile(path.join(root, path.normalize(`/${file}`)));
    response.writeHead(200, { "content-type": TYPES[path.extname(file)] ?? "application/octet-stream" }).end(bytes);
  } catch {
    response.writeHead(404).end();
  }
}).listen(0, "127.0.0.1");
await new Promise((done) => server.once("listening", done));

const names = wanted.length ? wanted : (await readdir(dashboards)).filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -5));
await mkdir(out, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
let bad = 0;
for (const one of names) {
  const [name, query = ""] = one.split("?");
  const json = JSON.parse(await readFile(path.join(dashboards, `${name}.json`), "utf8"));
  const rows = Math.max(...json.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  const tab = await browser.newPage({ viewport: { width: 1600, height: rows * 38 + 110 } });
  const faults = [];
  tab.on("pageerror", (error) => faults.push(`page: ${error.message}`));
  await tab.goto(`http://127.0.0.1:${server.address().port}/?board=${name}&prometheus=${encodeURIComponent(prometheus)}&${query}`);
  // Quiet for two seconds, and no question is open: variables, panels and annotations have their answers.
  let last = -1;
  for (let round = 0; round < 30; round += 1) {
    await tab.waitForTimeout(2000);
    const [now, open] = await tab.evaluate(() => {
      const answered = window.asked?.filter((entry) => entry.error || entry.series !== undefined).length ?? 0;
      return [answered, (window.asked?.length ?? 0) - answered];
    });
    if (now === last && now > 0 && !open) break;
    last = now;
  }
  const asked = await tab.evaluate(() => window.asked ?? []);
  for (const { panel, refId, error, series } of asked) {
    if (error) faults.push(`${panel} ${refId}: ${error}`);
    else if (!series) faults.push(`${panel} ${refId}: empty`);
  }
  const seen = await tab.evaluate(() => ({
    broken: [...document.querySelectorAll("[data-testid*='Alert error'], [role=alert]")].map((node) => node.textContent.slice(0, 400)),
    empty: document.querySelectorAll(".no-data").length,
    // Text that does not fit: cut by an ellipsis, but for table cells, which a click opens.
    cut: [...document.querySelectorAll("h2, [class*=legend] *, [class*=Legend] *")].filter((node) => node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).textOverflow === "ellipsis").map((node) => node.textContent),
  }));
  for (const text of seen.broken) faults.push(`broken: ${text}`);
  if (seen.empty) faults.push(`${seen.empty} empty panels`);
  for (const text of seen.cut) faults.push(`cut: ${text}`);
  await tab.screenshot({ path: path.join(out, `${name}.png`) });
  await tab.close();
  bad += faults.length ? 1 : 0;
  console.log(`${name}: ${asked.length} queries${faults.length ? `\n  ${[...new Set(faults)].join("\n  ")}` : ", no fault"}`);
}
await browser.close();
server.close();
process.exit(bad ? 1 : 0);
