// The Memory section: pictures and groups of the figures, doubtful and missing ones shown as such,
// processes and pool tags that can be sorted and searched. The figures are put into the sample's
// report here, so that the page is tried with what no dump of the tests holds.

import assert from "node:assert/strict";
import { inBrowsers } from "./lib/browsers.mjs";
import { giveDeepFind } from "./lib/deep.mjs";
import { pageUrl } from "./lib/paths.mjs";
import { shows, until } from "./lib/wait.mjs";

inBrowsers("memory", (it) => {
  it("is drawn as parts of a whole; what is doubtful or missing says so", async (open) => {
    const tab = await invented(open);
    const text = await tab.evaluate(memoryText);
    assert.match(text, /locked by drivers 5 GiB 62 %/);
    assert.match(text, /otherwise in use 2\.7 GiB/);
    assert.match(text, /standby 36\.7 MiB under 1 %/);
    assert.match(text, /doubtful: modified/);
    assert.match(text, /committed 9\.5 GiB 95 % left 470 MiB 4 % peak 9\.9 GiB/);
    assert.match(text, /kernel stacks no table says where this build keeps it/);
    assert.match(text, /failed commit charges 113/);
    assert.match(text, /1 of 2 fail/);
    assert.match(text, /Page files \\\?\?\\C:\\pagefile\.sys/);
  });

  it("has processes and pool tags that are sorted and searched", async (open) => {
    const tab = await invented(open);
    const rows = () => tab.evaluate(firstRows, 0);
    assert.match((await rows())[0], /^heavy\.exe/);
    assert.equal((await rows()).length, 15);
    await tab.evaluate(sortBy, [0, "PID"]);
    await until(async () => /9000/.test((await rows())[0]), "the largest PID is not first");
    await tab.evaluate(sortBy, [0, "PID"]);
    await until(async () => /^small0\.exe/.test((await rows())[0]), "the order is not turned");
    await tab.evaluate(search, [0, "heavy"]);
    await until(async () => (await rows()).length === 1, "the search finds more than it should");
    // On paper everything stands, and after it the page is as it was.
    const folded = await tab.evaluate(closed);
    assert.ok(folded > 0);
    await tab.evaluate(printing, ["beforeprint"]);
    assert.equal((await rows()).length, 31);
    assert.equal(await tab.evaluate(closed), 0);
    await tab.evaluate(printing, ["afterprint"]);
    await until(async () => (await rows()).length === 1, "the search is forgotten after print");
    assert.equal(await tab.evaluate(closed), folded);
    assert.match((await tab.evaluate(firstRows, 1))[0], /^Vmbm ?not known ?35\.2 MiB/);
    await tab.evaluate(sortBy, [1, "Paged"]);
    await until(
      async () => /^MmSt/.test((await tab.evaluate(firstRows, 1))[0]),
      "the tags are not sorted",
    );
  });
});

async function invented(open) {
  const tab = await open(pageUrl);
  await shows(tab, "Drop a Windows crash dump here");
  await tab.press("Open the sample");
  await shows(tab, "Save this tool");
  await tab.evaluate(giveDeepFind);
  await until(() => tab.evaluate(put), "the report is not there");
  await shows(tab, "locked by drivers");
  return tab;
}

function put() {
  const analyzer = globalThis.deepFind("bluepane-analyzer");
  if (!analyzer?.report || analyzer.busy) return false;
  const report = structuredClone(analyzer.report);
  const hex = (value) => `0x${value.toString(16)}`;
  const known = {
    physical: 2097152,
    available: 9800,
    zeroed: 100,
    free: 300,
    standby: 9400,
    modified: 51200,
    mdl_pages: 1310720,
    committed: 2501000,
    commit_limit: 2621440,
    committed_peak: 2600000,
    failed_commit_charges: 113,
  };
  const counters = { kernel_stacks: { source: "x", confidence: "certain", gap: "unknown-layout" } };
  for (const [name, pages] of Object.entries(known)) {
    const confidence = name === "modified" ? "possible" : "certain";
    counters[name] = { pages: hex(pages), source: "x", confidence };
  }
  const process = (name, pid, commit) => ({ name, pid, commit_pages: hex(commit) });
  report.memory = {
    counters,
    page_files: [
      {
        name: "\\??\\C:\\pagefile.sys",
        kind: "page file",
        size_pages: "0x80000",
        free_pages: "0x12345",
        peak_pages: "0x7ffff",
        minimum_pages: "0x80000",
        maximum_pages: "0x400000",
      },
    ],
    processes: [
      ...Array.from({ length: 30 }, (_, i) => process(`small${i}.exe`, 4 + 4 * i, 10 + i)),
      process("heavy.exe", 9000, 800000),
    ],
    pool_tags: [
      { tag: "MmSt", owner: "sections", paged_bytes: "0x3000000", nonpaged_bytes: "0x0" },
      { tag: "Vmbm", paged_bytes: "0x0", nonpaged_bytes: "0x2345678" },
    ],
    checks: [
      { text: "One figure is a part of another.", holds: true },
      { text: "Two figures add up.", holds: false },
    ],
  };
  analyzer.report = report;
  return true;
}

function memoryText() {
  return globalThis.deepFind("bluepane-memory").renderRoot.textContent.replace(/\s+/g, " ").trim();
}

function firstRows(index) {
  const tables = globalThis
    .deepFind("bluepane-memory")
    .renderRoot.querySelectorAll("bluepane-sorted");
  const rows = tables[index].renderRoot.querySelectorAll("tbody tr");
  return [...rows].map((row) => row.textContent.replace(/\s+/g, " ").trim());
}

function printing([moment]) {
  dispatchEvent(new Event(moment));
}

/** How many parts of the section are folded. */
function closed() {
  const { renderRoot } = globalThis.deepFind("bluepane-memory");
  return renderRoot.querySelectorAll("details:not([open])").length;
}

function sortBy([index, label]) {
  const tables = globalThis
    .deepFind("bluepane-memory")
    .renderRoot.querySelectorAll("bluepane-sorted");
  const buttons = [...tables[index].renderRoot.querySelectorAll("th button")];
  buttons.find((button) => button.textContent.trim() === label).click();
}

function search([index, text]) {
  const tables = globalThis
    .deepFind("bluepane-memory")
    .renderRoot.querySelectorAll("bluepane-sorted");
  const input = tables[index].renderRoot.querySelector("input");
  input.value = text;
  input.dispatchEvent(new Event("input"));
}
