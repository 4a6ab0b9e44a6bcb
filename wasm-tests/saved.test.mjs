// A copy of the page that the browser itself saved is the tool itself, and holds nothing of the
// dump that was open when it was saved.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { before, after, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { browsers, skipped } from "./lib/browsers.mjs";
import { dumps, realMinidump, sampleFacts } from "./lib/dumps.mjs";
import { page, pageUrl } from "./lib/paths.mjs";
import { savingChromium, savingFirefox, ways } from "./lib/save.mjs";
import { serve } from "./lib/server.mjs";
import { shows } from "./lib/wait.mjs";

const files = await dumps();
const real = realMinidump();
const opened = real
  ? { ...real, secrets: ["ibthfp", "FP7T107", "MEMORY1_INIT", "w11-26100"] }
  : { ...sampleFacts, path: files.sample };
const shipped = await readFile(page);
const server = await serve({ "/": { file: page } });
server.unref();

/** Every way in which text of the dump could stand in a file. */
function findings(bytes, secrets) {
  return secrets.filter((secret) =>
    ["latin1", "utf16le"].some((encoding) => {
      const wanted = Buffer.from(secret.toLowerCase(), encoding);
      return Buffer.from(bytes.toString("latin1").toLowerCase(), "latin1").includes(wanted);
    }),
  );
}

test("the search for text of a dump finds it where it is", async () => {
  const bytes = await readFile(opened.path);
  const inFile = opened.secrets.filter((secret) => findings(bytes, [secret]).length > 0);
  assert.ok(inFile.length >= 2, `of ${opened.secrets} the dump itself holds only ${inFile}`);
  const page = `<p>${opened.secrets.join(" ")}</p>`;
  assert.deepEqual(findings(Buffer.from(page), opened.secrets), opened.secrets);
});

const savers = [
  { name: "chromium", launch: savingChromium },
  { name: "firefox", launch: savingFirefox },
];
for (const { name, launch } of savers) {
  const { missing, launch: plain } = browsers.find((browser) => browser.name === name);
  if (missing) {
    skipped(`saving the page in ${name}`, missing);
    continue;
  }
  for (const way of ways) {
    describe(`the page saved by ${name} (${way})`, () => {
      let saver;
      let reader;
      before(async () => (saver = await launch(way)), { timeout: 60_000 });
      before(async () => (reader = await plain()), { timeout: 60_000 });
      after(() => saver?.close());
      after(() => reader?.close());

      test("before a dump was opened", { timeout: 90_000 }, async () => {
        await saver.open(`${server.origin}/`);
        await shows(saver, "Drop a Windows crash dump here");
        await isTheTool(reader, await saver.save(), way);
      });

      test("while a report is on show", { timeout: 90_000 }, async () => {
        await saver.open(pageUrl);
        await shows(saver, "Drop a Windows crash dump here");
        await saver.choose(opened.path);
        await shows(saver, `${opened.code} ${opened.name}`);
        const path = await saver.save();
        // This one form writes shadow roots down. The page cannot keep it from that, says so
        // beside "Save this tool", and answers the key itself.
        const writesShadowRoots = name === "chromium" && way === "complete";
        const found = findings(await readFile(path), opened.secrets);
        if (!writesShadowRoots) assert.deepEqual(found, []);
        await isTheTool(reader, path, way);
      });

      if (name === "chromium") {
        test("by its key while a report is on show", { timeout: 90_000 }, async () => {
          await saver.open(pageUrl);
          await shows(saver, "Drop a Windows crash dump here");
          await saver.choose(opened.path);
          await shows(saver, `${opened.code} ${opened.name}`);
          const bytes = await readFile(await saver.pressSave());
          assert.ok(bytes.equals(shipped), "not what was shipped");
        });
      }
    });
  }
}

/** The copy starts from a disk with nothing on show, and reads another dump. */
async function isTheTool(reader, path, way) {
  if (way === "HTML only")
    assert.ok((await readFile(path)).equals(shipped), "not what was shipped");
  const tab = await reader.open(pathToFileURL(path).href);
  try {
    const text = await shows(tab, "Drop a Windows crash dump here");
    for (const secret of opened.secrets) assert.ok(!text.includes(secret), secret);
    await tab.choose(files.sample);
    await shows(tab, `${sampleFacts.code} ${sampleFacts.name}`);
    assert.deepEqual(tab.complaints, []);
  } finally {
    await tab.close();
  }
}
