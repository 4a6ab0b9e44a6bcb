// How long a browser takes to make a report of a minidump: the median of several runs, and the
// counts that no noisy machine can blur. Nothing is judged here; `make bench` prints it.
// Usage: node wasm-tests/bench/open.mjs [DUMP]    (RUNS=9)

import { basename } from "node:path";
import { statSync } from "node:fs";
import { browsers, skipped } from "../lib/browsers.mjs";
import { dumps } from "../lib/dumps.mjs";
import { pageUrl, realDump } from "../lib/paths.mjs";
import { shows, until } from "../lib/wait.mjs";

const runs = Number(process.env.RUNS ?? 9);
const largest = realDump("triage/w10-19041-x64-1c7.dmp");
if (!largest && !process.argv[2])
  skipped("a real minidump", "there is no corpus (BLUEPANE_CORPUS)");
const dump = process.argv[2] ?? largest ?? (await dumps()).sample;

/** In the page: notes when a file is handed over and when its first and its last report come. */
function watch() {
  globalThis.runs = [];
  let begun = 0;
  let first = 0;
  addEventListener("bluepane-progress", () => (first ||= performance.now()));
  addEventListener("bluepane-report", ({ detail }) =>
    globalThis.runs.push({
      total: performance.now() - begun,
      first: first - begun,
      stats: detail.report.stats,
    }),
  );
  const element = document.querySelector("bluepane-analyzer");
  const analyze = element.analyze;
  element.analyze = function (sources) {
    begun = performance.now();
    first = 0;
    return analyze.call(this, sources);
  };
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const figure = (value, width) => value.toFixed(1).padStart(width);

async function measure({ name, launch }) {
  const browser = await launch();
  try {
    const tab = await browser.open(pageUrl);
    await shows(tab, "Drop a Windows crash dump here");
    await tab.evaluate(watch);
    for (let run = 1; run <= runs; run++) {
      await tab.choose(dump);
      await until(() => tab.evaluate((n) => globalThis.runs.length >= n, run), `no report ${run}`);
      await tab.press("Open another");
      await shows(tab, "Drop a Windows crash dump here");
    }
    // The first run also starts the worker and compiles the module.
    const [cold, ...warm] = await tab.evaluate(() => globalThis.runs);
    const { rounds, reads, bytes_read } = cold.stats;
    const columns = [
      name.padEnd(9),
      figure(cold.total, 9),
      figure(median(warm.map((run) => run.total)), 9),
      figure(median(warm.map((run) => run.stats.elapsed_ms)), 9),
      String(rounds).padStart(7),
      String(reads).padStart(6),
      String(Number(bytes_read)).padStart(10),
    ];
    console.log(columns.join(" "));
  } finally {
    await browser.close();
  }
}

console.log(`${basename(dump)}, ${statSync(dump).size} bytes, ${runs} runs each; milliseconds`);
console.log("browser     first    median in worker  rounds  reads      bytes");
for (const browser of browsers) {
  if (browser.missing) skipped(`the benchmark in ${browser.name}`, browser.missing);
  else await measure(browser);
}
