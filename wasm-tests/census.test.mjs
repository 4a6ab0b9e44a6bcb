// The census of the page-frame database reads tens of megabytes: it shows how far it is, ends when
// told with what it has counted, and answers in full when let.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { inBrowsers } from "./lib/browsers.mjs";
import { giveDeepFind } from "./lib/deep.mjs";
import { pageUrl, root, scratch } from "./lib/paths.mjs";
import { shows, until } from "./lib/wait.mjs";

const MIB_IN_PAGES = 256;
const folder = await scratch("census");
after(() => rmSync(folder, { recursive: true, force: true }));

/** A bitmap dump of a machine with so many GiB, its page-frame database in it. */
function forged(gib) {
  const scenario = join(folder, `${gib}.toml`);
  const path = join(folder, `${gib}.dmp`);
  const text = `[machine]\nbuild = 19041\nmemory = "${gib} GiB"\nframe_database = true\n[stop]\ncode = 0x50\n[dump]\nkind = "bitmap-kernel"\n`;
  writeFileSync(scenario, text);
  const call = ["run", "-q", "--locked", "-p", "bluepane-forge", "--", scenario, "-o", path];
  execFileSync("cargo", call, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  return path;
}
const GIB = 8;
const dump = forged(GIB);

inBrowsers("the census", (it) => {
  it("shows how far it is, ends when told, and counts every page when let", async (open) => {
    const tab = await open(pageUrl);
    await shows(tab, "Drop a Windows crash dump here");
    await tab.choose(dump);
    await shows(tab, "Save this tool");
    await tab.evaluate(giveDeepFind);
    await until(() => tab.evaluate(ready), "the console is not there");
    await tab.evaluate(stopHalfway, ["!memusage"]);
    const cut = await shows(tab, "the analysis was stopped", { seconds: 60 });
    const shares = await tab.evaluate(() => globalThis.shares);
    assert.ok(shares.length > 1 && shares.at(-1) > 0, `progress: ${shares.join(" ")}`);
    assert.deepEqual(
      shares,
      [...shares].sort((a, b) => a - b),
      "progress went back",
    );
    const [, counted, all] = /(\d+) of (\d+) pages of memory have a record/.exec(cut) ?? [];
    assert.ok(Number(counted) < Number(all), `${counted} of ${all}`);
    await tab.evaluate(runWhole, ["!memusage"]);
    const [, whole] = /(\d+) of \d+ pages of memory have a record/.exec(
      await until(() => tab.evaluate(() => globalThis.answer), "no answer", { seconds: 60 }),
    );
    // What the machine keeps for its firmware and its devices is a few MiB.
    assert.ok(
      Number(whole) > (GIB * 1024 - 8) * MIB_IN_PAGES && whole === all,
      `${whole} of ${all}`,
    );
    assert.deepEqual(tab.complaints, []);
  });
});

// In the page.

function ready() {
  const found = globalThis.deepFind("bluepane-console");
  return found !== null && !found.busy;
}

/** Asks, notes what the console is told of progress, and presses Stop once there is some. */
function stopHalfway([line]) {
  const found = globalThis.deepFind("bluepane-console");
  const { desk } = found;
  let pressed = false;
  globalThis.shares = [];
  found.desk = {
    ...desk,
    command: (line, options) => {
      const onProgress = (told) => {
        options.onProgress(told);
        globalThis.shares.push(found.share);
        if (pressed || found.share === 0) return;
        pressed = true;
        const buttons = [...found.renderRoot.querySelectorAll("form button")];
        buttons.find((button) => button.textContent.trim() === "Stop").click();
      };
      return desk.command(line, { ...options, onProgress });
    },
  };
  void found.run(line).finally(() => (found.desk = desk));
}

function runWhole([line]) {
  void globalThis
    .deepFind("bluepane-console")
    .desk.command(line)
    .then((text) => (globalThis.answer = text));
}
