// The page and the native command say the same about the same file: one core, two ways to run it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { basename } from "node:path";
import { promisify } from "node:util";
import { inBrowsers, skipped } from "./lib/browsers.mjs";
import { dumps } from "./lib/dumps.mjs";
import { pageUrl, realDump, root } from "./lib/paths.mjs";
import { shows, until } from "./lib/wait.mjs";

const files = await dumps();
const real = [
  "triage/w10-19041-x64-50.dmp",
  "triage/w11-22000-arm64-1c8.dmp",
  "triage/w11-26100-x64-65.dmp",
]
  .map(realDump)
  .filter((path) => path !== null);
if (real.length === 0) skipped("the same report of real dumps", "there is no corpus");

/** The native command, built from the same sources. */
async function native(path) {
  const { stdout } = await promisify(execFile)(
    "cargo",
    ["run", "-q", "--locked", "-p", "bluepane-cli", "--", "--format", "json", path],
    { cwd: root, maxBuffer: 64 << 20 },
  ).catch((error) => {
    // A file that is no dump has a report too, and the exit status 1.
    if (error.code === 1 && error.stdout.startsWith("{")) return error;
    throw error;
  });
  return JSON.parse(stdout);
}

/** What does not depend on who reads, and how fast. */
function timeless(report) {
  const { stats, file, ...rest } = report;
  return { ...rest, file: { ...file, name: "" } };
}

inBrowsers(
  "page and command agree",
  (it) => {
    for (const path of [files.sample, files.cut, files.zeros, ...real]) {
      it(`on ${basename(path)}`, async (open) => {
        const tab = await open(pageUrl);
        await shows(tab, "Drop a Windows crash dump here");
        await tab.evaluate(() => {
          addEventListener("bluepane-report", ({ detail }) => (globalThis.heard = detail.report));
        });
        await tab.choose(path);
        const report = await until(() => tab.evaluate(() => globalThis.heard), "no report");
        assert.deepEqual(timeless(report), timeless(await native(path)));
      });
    }
  },
  { only: ["chromium"] },
);
