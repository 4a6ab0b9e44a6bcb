// What people do with the page besides reading one dump: many dumps, a zip, a frame in a wiki,
// taking the report along; and what goes wrong outside the dump.

import assert from "node:assert/strict";
import { copyFile, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inBrowsers } from "./lib/browsers.mjs";
import { dumps, sampleFacts } from "./lib/dumps.mjs";
import { page, pageUrl } from "./lib/paths.mjs";
import { serve } from "./lib/server.mjs";
import { shows, until } from "./lib/wait.mjs";
import { zip } from "./lib/zip.mjs";

const files = await dumps();
const sample = await readFile(files.sample);
const archive = join(files.folder, "minidumps.zip");
await writeFile(
  archive,
  zip({
    "Minidump/one.dmp": sample,
    "Minidump/two.dmp": sample,
    "Minidump/notes.txt": Buffer.from("not a dump"),
  }),
);
/** Stands at the end of a report that is complete. */
const complete = "Analysed in";
const title = `${sampleFacts.code} ${sampleFacts.name}`;

inBrowsers("many dumps", (it) => {
  it("several files become a list, say what they share, and open one by one", async (open) => {
    const tab = await open(pageUrl);
    await tab.choose([files.sample, files.cut, files.diary]);
    const list = await shows(tab, "What they have in common");
    assert.match(list, new RegExp(`all 2 stop with ${sampleFacts.code}`));
    await tab.press("sample.dmp");
    await shows(tab, "Findings");
    await tab.press("All files");
    await shows(tab, "3 files");
  });

  it("a zip opens to the dumps in it, stored and deflated", async (open) => {
    const tab = await open(pageUrl);
    await tab.choose(archive);
    const list = await shows(tab, "all 2 stop with");
    for (const name of ["one.dmp", "two.dmp"]) assert.ok(list.includes(name), `${name} is missing`);
    assert.ok(!list.includes("notes.txt"));
  });
});

const wiki = (path) => `<!doctype html><title>wiki</title><link rel="icon" href="data:,">
<iframe sandbox="allow-scripts" width="1200" height="900" src="${path}"></iframe>
<script>
  heard = [];
  addEventListener("message", ({ data }) => heard.push(data));
  say = (message) => frames[0].postMessage(message, "*");
</script>`;
const server = await serve({ "/": { file: page }, "/wiki": { body: wiki("/") } });
server.unref();

inBrowsers(
  "a frame in a wiki",
  (it) => {
    it("is silent until greeted, asks before it sends, sends the redacted report", async (open) => {
      const tab = await open(`${server.origin}/wiki`, { framed: true });
      const outside = (code, argument) => tab.tab.evaluate(code, argument);
      const heard = () => outside(() => globalThis.heard);
      await shows(tab, "Drop a Windows crash dump here");
      await tab.choose(files.sample);
      await shows(tab, complete);
      assert.deepEqual(await heard(), [], "it spoke before it was greeted");

      await outside(() => globalThis.say({ type: "bluepane-hello" }));
      await until(async () => (await heard()).length === 1, "the greeting is not answered");
      const asked = await shows(tab, "Send the redacted report");
      assert.ok(asked.includes(`This page is embedded in ${server.origin}`));
      await tab.press("Open another");
      await shows(tab, "Drop a Windows crash dump here");
      const bytes = sample.toString("base64");
      await outside((text) => {
        const file = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
        globalThis.say({ type: "bluepane-open", file: new File([file], "posted.dmp") });
      }, bytes);
      await shows(tab, "Send the redacted report");
      assert.equal((await heard()).length, 1, "it sent a report without asking");

      await tab.press("Send the redacted report");
      await until(async () => (await heard()).length === 2, "the report is not sent");
      const sent = (await heard())[1];
      assert.equal(sent.type, "bluepane-report");
      assert.equal(sent.redacted, true);
      assert.equal(sent.report.bugcheck.name, sampleFacts.name);
      assert.ok(!JSON.stringify(sent).includes("SAMPLE-VM"), "the name of the machine was sent");
    });

    it("offers nothing that its sandbox forbids", async (open) => {
      const tab = await open(`${server.origin}/wiki`, { framed: true });
      await tab.choose(files.sample);
      const text = await shows(tab, "Show JSON");
      for (const label of ["Save JSON", "Save this tool", "Print"]) {
        assert.ok(!text.includes(label), `${label} is offered`);
      }
    });
  },
  { only: ["chromium", "firefox"] },
);

inBrowsers(
  "when something fails outside the dump",
  (it) => {
    it("a file that is gone is said to be gone, with what to do", async (open) => {
      const tab = await open(pageUrl);
      const path = join(files.folder, "passing.dmp");
      await copyFile(files.sample, path);
      await tab.evaluate(() => {
        const element = document.querySelector("bluepane-analyzer");
        const welcome = element.shadowRoot.querySelector("bluepane-welcome");
        const keep = (event) => {
          event.stopImmediatePropagation();
          globalThis.late = () => element.open(event.picked.files);
        };
        welcome.addEventListener("picked", keep, { capture: true, once: true });
      });
      await tab.choose(path);
      await rm(path);
      await tab.evaluate(() => void globalThis.late());
      await shows(tab, "then drop the copy");
      await tab.choose(files.sample);
      await shows(tab, title);
    });

    it("a worker that crashes is said to have ended, and works again on request", async (open) => {
      const tab = await open(pageUrl);
      await tab.choose(files.sample);
      await shows(tab, title);
      await shows(tab, complete);
      const [worker] = tab.tab.workers();
      await worker.evaluate(
        () =>
          void setTimeout(() => {
            throw new Error("struck down");
          }),
      );
      await shows(tab, "The analyzer has ended");
      await tab.press("Try again");
      await until(
        async () => !(await tab.text()).includes("The analyzer has ended"),
        "it does not recover",
      );
      await shows(tab, complete);
      await tab.press("vertarget");
      await shows(tab, "> vertarget");
    });
  },
  { only: ["chromium"] },
);

inBrowsers(
  "taking the report along",
  (it) => {
    it("what is saved says whether it is redacted, and is", async (open) => {
      const tab = await open(pageUrl);
      await tab.choose(files.sample);
      await shows(tab, complete);
      const save = async (label) => {
        const [download] = await Promise.all([tab.tab.waitForEvent("download"), tab.press(label)]);
        return {
          name: download.suggestedFilename(),
          text: await readFile(await download.path(), "utf8"),
        };
      };
      const whole = await save("Save JSON");
      assert.equal(JSON.parse(whole.text).bugcheck.name, sampleFacts.name);
      assert.ok(!whole.name.includes("redacted"));
      await tab.tab.getByLabel("redacted (Save JSON)").check();
      const redacted = await save("Save JSON");
      assert.ok(redacted.name.includes("redacted"));
      assert.ok(!redacted.text.includes("SAMPLE-VM"));
      await shows(tab, "Saved, redacted.");
    });

    it("the saved tool is the shipped file, byte for byte", async (open) => {
      const tab = await open(pageUrl);
      await tab.choose(files.sample);
      await shows(tab, complete);
      const [download] = await Promise.all([
        tab.tab.waitForEvent("download"),
        tab.press("Save this tool"),
      ]);
      assert.ok((await readFile(await download.path())).equals(await readFile(page)));
    });
  },
  { only: ["chromium"], options: { context: { acceptDownloads: true } } },
);
