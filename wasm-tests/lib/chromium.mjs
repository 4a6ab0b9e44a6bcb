// Debian's Chromium through playwright-core.

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { driver, listen } from "./tab.mjs";

export const chromiumPath = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);

/** Why Chromium cannot be driven here, or null. */
export const missingChromium = () => (chromiumPath ? null : "chromium is not installed");

/**
 * Without these a Chromium asks its maker's hosts for this and that at every start. As root, in a
 * container, it has no sandbox.
 */
export const quietFlags = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-domain-reliability",
  "--disable-features=OptimizationHints,MediaRouter,DialMediaRouteProvider",
  "--disable-gpu",
  // What still asks its maker's hosts finds no address.
  "--host-resolver-rules=MAP *.google.com ~NOTFOUND, MAP *.googleapis.com ~NOTFOUND",
  "--disable-quic",
  "--disable-sync",
  "--no-default-browser-check",
  "--no-first-run",
  "--no-pings",
  ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
];

export async function launchChromium({ args = [], context = {} } = {}) {
  const browser = await chromium.launch({
    executablePath: chromiumPath,
    args: [...quietFlags, ...args],
  });
  const scope = await browser.newContext(context);
  return {
    name: "chromium",
    scope,
    async open(url, { framed = false } = {}) {
      const tab = await scope.newPage();
      const heard = listen(tab, ["error", "warning"]);
      await tab.goto(url);
      const frame = framed ? tab.frames()[1] : tab;
      return driver(tab, frame, heard, (input, paths) => input.setInputFiles(paths));
    },
    close: () => browser.close(),
  };
}
