// No packet leaves a browser while it shows the page, not even when a script in the page tries
// everything that a policy has to stop, and WebRTC, which no policy stops.

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { promisify } from "node:util";
import { browsers, skipped } from "./lib/browsers.mjs";
import { pageUrl, root, scratch } from "./lib/paths.mjs";

const alone = join(root, "wasm-tests/lib/alone");
const packets = join(root, "wasm-tests/lib/packets.mjs");

/** Why this machine cannot give a program a network of its own, or null. */
function impossible() {
  try {
    execFileSync(alone, ["true"], { stdio: "pipe" });
    return null;
  } catch (error) {
    return String(error.stderr ?? error).trim();
  }
}

const folder = await scratch("network");
const frame = `<iframe sandbox="allow-scripts" src="${pageUrl}"></iframe>`;
await writeFile(join(folder, "wiki.html"), `<!doctype html><title>wiki</title>${frame}`);
await writeFile(join(folder, "control.html"), "<!doctype html><title>control</title><p>control");

const why = impossible();
if (why) skipped("counting packets", why);
for (const { name, missing } of why ? [] : browsers) {
  if (missing) {
    skipped(`counting packets of ${name}`, missing);
    continue;
  }
  describe(`what leaves ${name}`, () => {
    let seen;
    before(async () => (seen = await counted(name)), { timeout: 120_000 });

    test("a page without a policy does send packets: the count would show them", () => {
      const { control } = seen;
      assert.ok(control.packets > 0, JSON.stringify(control));
      // WebKitGTK is built without it.
      if (name !== "webkit") assert.ok(control.webRtc.includes("RTCPeerConnection"));
    });

    test("the browser by itself sends nothing, so what is counted is the page's", () => {
      assert.equal(seen.blank.packets, 0);
    });

    for (const place of ["page", "frame"]) {
      test(`an analysis in the ${place} sends no packet, and neither do all attempts`, () => {
        const result = seen[place];
        assert.equal(result.packets, 0, JSON.stringify(result));
        assert.deepEqual(result.webRtc, [], "WebRTC is still there");
        assert.equal(result.tried.WebRTC, "ReferenceError");
      });
    }
  });
}

async function counted(browser) {
  const { stdout } = await promisify(execFile)(alone, [process.execPath, packets, browser, folder]);
  return JSON.parse(stdout.trim().split("\n").at(-1));
}
