// The page does its work wherever it may stand: behind http, on a disk, in a frame that only
// allows scripts; in three browsers.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { inBrowsers, skipped } from "./lib/browsers.mjs";
import { dumps, realMinidump, sampleFacts } from "./lib/dumps.mjs";
import { page, pageUrl, scratch } from "./lib/paths.mjs";
import { serve } from "./lib/server.mjs";
import { until, shows } from "./lib/wait.mjs";

const files = await dumps();
const real = realMinidump();
if (!real) skipped("real dumps in browsers", "there is no corpus (BLUEPANE_CORPUS)");

const frame = (source) =>
  `<!doctype html><title>wiki</title><link rel="icon" href="data:,"><iframe sandbox="allow-scripts" width="1200" height="900" src="${source}"></iframe>`;
const server = await serve({
  "/": { file: page },
  "/wiki": { body: frame("/") },
});
server.unref();
const wikiOnDisk = join(await scratch("wiki"), "wiki.html");
await writeFile(wikiOnDisk, frame(pageUrl));

const places = [
  { place: "over http", url: `${server.origin}/`, framed: false },
  { place: "from a disk", url: pageUrl, framed: false },
  {
    place: "in a frame that only allows scripts, over http",
    url: `${server.origin}/wiki`,
    framed: true,
  },
  { place: "in such a frame, from a disk", url: pathToFileURL(wikiOnDisk).href, framed: true },
];

/** What a person sees when the page is opened, whatever it is told afterwards. */
async function opened(open, { url, framed }) {
  const tab = await open(url, { framed });
  await shows(tab, "Drop a Windows crash dump here");
  await tab.evaluate(listen);
  return tab;
}

/** Nothing was asked of any network, and the browser blocked and complained about nothing. */
async function quiet(tab) {
  const outside = tab.requests.filter(
    (url) => !/^(?:file|blob|data):/.test(url) && !url.startsWith(`${server.origin}/`),
  );
  assert.deepEqual(outside, []);
  assert.deepEqual(tab.complaints, []);
  assert.deepEqual(await tab.evaluate(blocked), []);
}

inBrowsers("the page reads dumps", (it) => {
  for (const where of places) {
    it(`${where.place}: a dump becomes a report, another file a sentence`, async (open) => {
      const before = server.asked.length;
      const tab = await opened(open, where);
      const loaded = server.asked.length;
      await tab.choose(files.sample);
      const text = await shows(tab, `${sampleFacts.code} ${sampleFacts.name}`);
      assert.match(text, /Windows Server 2012 R2/);
      await shows(tab, "Open another");
      await tab.press("Open another");
      await shows(tab, "Drop a Windows crash dump here");
      await tab.choose(files.diary);
      await shows(tab, /not a dump|no dump|text/i);
      await quiet(tab);
      assert.equal(server.asked.length, loaded, "the page asked its host for something");
      assert.ok(loaded - before <= 3, `${server.asked.slice(before)}`);
    });
  }

  it("a damaged dump is reported as far as it goes and says that it is damaged", async (open) => {
    const tab = await opened(open, places[1]);
    await tab.choose(files.cut);
    const text = await shows(tab, sampleFacts.name);
    assert.match(text, /cut short|truncated|missing/i);
    for (const [file, says] of [
      [files.zeros, /only zeros/i],
      [files.empty, /no bytes|empty file/i],
    ]) {
      await tab.press("Open another");
      await shows(tab, "Drop a Windows crash dump here");
      await tab.choose(file);
      await shows(tab, says);
    }
    await quiet(tab);
  });

  it("the sample opens from its button", async (open) => {
    const tab = await opened(open, places[1]);
    await tab.press("Open the sample");
    await shows(tab, `${sampleFacts.code} ${sampleFacts.name}`);
    await quiet(tab);
  });

  it("a command that follows the parameters is asked of the console by a press", async (open) => {
    const tab = await opened(open, places[1]);
    await tab.choose(files.sample);
    await shows(tab, "Analysed in");
    await tab.press("!address ffffc0");
    await shows(tab, /> !address ffffc0[0-9a-f]{10} .*Copy/s);
    await quiet(tab);
  });

  if (real) {
    it("a real minidump is read from a disk, and what is shown is what the report says", async (open) => {
      const tab = await opened(open, places[1]);
      await tab.choose(real.path);
      await shows(tab, `${real.code} ${real.name}`);
      const report = await until(() => tab.evaluate(heard), "no bluepane-report event");
      assert.equal(report.file.kind, "triage");
      assert.equal(report.file.size, `0x${(await readFile(real.path)).length.toString(16)}`);
      const text = await shows(tab, "Modules");
      if (report.blame) assert.ok(text.includes(report.blame.module), "the culprit is not named");
      else assert.match(text, /nobody can be named/);
      assert.ok(report.modules.length > 100, "a minidump lists all loaded drivers");
      assert.ok(text.includes(`Modules ${report.modules.length} `), "not all modules are counted");
      await quiet(tab);
    });
  }
});

/** In the page: keeps the report that the element announces, and what the browser blocked. */
function listen() {
  globalThis.blocked = [];
  addEventListener("bluepane-report", (event) => (globalThis.heardReport = event.detail.report));
  addEventListener("securitypolicyviolation", (event) =>
    globalThis.blocked.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`),
  );
}

function blocked() {
  return globalThis.blocked;
}

function heard() {
  return globalThis.heardReport ?? null;
}
