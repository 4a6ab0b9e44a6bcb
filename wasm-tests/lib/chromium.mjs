// Debian's Chromium through playwright-core.

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { deepQuery, deepText } from "./deep.mjs";

const executablePath = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);

// Without these a headless Chromium asks its maker's hosts for this and that at every start.
const quiet = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-gpu",
  "--disable-quic",
  "--disable-sync",
  "--no-first-run",
];

/** Starts Chromium; `asRoot` containers have no sandbox to give. */
export async function launchChromium({ args = [], context = {} } = {}) {
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({ executablePath, args: [...quiet, ...sandbox, ...args] });
  const scope = await browser.newContext(context);
  return {
    name: "chromium",
    async open(url) {
      const tab = await scope.newPage();
      const requests = [];
      const complaints = [];
      tab.on("request", (request) => requests.push(request.url()));
      tab.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) complaints.push(message.text());
      });
      tab.on("pageerror", (error) => complaints.push(String(error)));
      await tab.goto(url);
      return driver(tab, requests, complaints);
    },
    close: () => browser.close(),
  };
}

function driver(tab, requests, complaints) {
  return {
    tab,
    requests,
    complaints,
    evaluate: (expression) => tab.evaluate(expression),
    text: () => tab.evaluate(deepText),
    choose: async (paths) => {
      const input = await tab.evaluateHandle(deepQuery, "input[type=file]:not([webkitdirectory])");
      await input.asElement().setInputFiles(paths);
    },
    screenshot: (path) => tab.screenshot({ path, fullPage: true }),
  };
}
