// What a forged dump of a machine with 64 GiB, 400 processes and 300 drivers costs a browser: the
// top card and the whole report, against the design's limits; and, in Chromium, how fast the census
// of the page-frame database reads, beside a plain loop over slices of the same file in the same
// run. Nothing is judged here; `make bench` prints it.

import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { browsers, skipped } from "../lib/browsers.mjs";
import { pageUrl, root, scratch } from "../lib/paths.mjs";
import { shows, until } from "../lib/wait.mjs";

const folder = await scratch("bench");
const large = readFileSync(join(root, "crate/forge/scenarios/kernel/large.toml"), "utf8");

function forged(name, text) {
  const scenario = join(folder, `${name}.toml`);
  const path = join(folder, `${name}.dmp`);
  writeFileSync(scenario, text);
  const call = ["run", "-q", "--locked", "-p", "bluepane-forge", "--", scenario, "-o", path];
  execFileSync("cargo", call, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  return path;
}

/** In the page: when a file is handed over, when its first conclusions stand, when it ends. */
function watch() {
  const seen = (globalThis.seen = {});
  addEventListener("bluepane-progress", ({ detail }) => {
    if (detail.step !== "diagnosis" || seen.card) return;
    seen.card = { ...detail, at: performance.now() - seen.begun };
  });
  addEventListener("bluepane-report", ({ detail }) => {
    seen.whole = { ...detail.report.stats, at: performance.now() - seen.begun };
  });
  const element = document.querySelector("bluepane-analyzer");
  const analyze = element.analyze;
  element.analyze = function (sources) {
    seen.begun = performance.now();
    seen.blob = sources[0].blob;
    return analyze.call(this, sources);
  };
}

/** In the page: milliseconds that slices of 1 MiB take, one behind the other, over `bytes`. */
async function slices(bytes) {
  const { blob } = globalThis.seen;
  const begun = performance.now();
  for (let at = 0; at < bytes; at += 1 << 20) {
    await blob.slice(at, Math.min(at + (1 << 20), bytes)).arrayBuffer();
  }
  return performance.now() - begun;
}

/** In the page: one line of the console; milliseconds, and what was last told of reading. */
async function asked(line) {
  const find = (root) => {
    for (const one of root.querySelectorAll("*")) {
      if (one.localName === "bluepane-console") return one;
      const found = one.shadowRoot && find(one.shadowRoot);
      if (found) return found;
    }
    return null;
  };
  const desk = find(document).desk;
  let [first, last] = [null, null];
  // The first question also brings the analyzer's second part.
  await desk.command(".time");
  const begun = performance.now();
  const text = await desk.command(line, {
    onProgress: (told) => {
      first ??= told;
      last = told;
    },
  });
  const bytes = last ? last.bytesRead - first.bytesRead : 0;
  return { text, bytes, reads: last ? last.reads - first.reads : 0, ms: performance.now() - begun };
}

async function opened(browser, path) {
  const tab = await browser.open(pageUrl);
  await shows(tab, "Drop a Windows crash dump here");
  await tab.evaluate(watch);
  await tab.choose(path);
  await until(() => tab.evaluate(() => globalThis.seen.whole !== undefined), "no report", {
    seconds: 120,
  });
  return { tab, seen: await tab.evaluate(() => ({ ...globalThis.seen, blob: null })) };
}

const path = forged("large", large);
console.log(
  "64 GiB, 400 processes, 300 drivers  (limits: 150 reads, 40 rounds, 500 ms; 2000, 400,",
);
console.log("128 MiB, 3000 ms; 98304 KiB of wasm memory)");
console.log("browser   top card: reads rounds   ms   report: reads rounds     bytes    ms  memory");
for (const { name, missing, launch } of browsers) {
  if (missing) {
    skipped(`the benchmark in ${name}`, missing);
    continue;
  }
  const browser = await launch();
  try {
    const { card, whole } = (await opened(browser, path)).seen;
    const row = [name.padEnd(18), card.reads, card.rounds, card.at, "       ", whole.reads];
    row.push(whole.rounds, Number(whole.bytes_read), whole.at, whole.memory_kib);
    const text = (cell) => (typeof cell === "number" ? String(Math.round(cell)).padStart(6) : cell);
    console.log(row.map(text).join(" "));
  } finally {
    await browser.close();
  }
}

const chromium = browsers.find(({ name }) => name === "chromium");
if (!chromium.missing) {
  const database = forged(
    "database",
    '[machine]\nbuild = 19041\nmemory = "16 GiB"\nframe_database = true\n[stop]\ncode = 0x50\n' +
      '[dump]\nkind = "bitmap-kernel"\n',
  );
  const browser = await chromium.launch();
  try {
    const { tab } = await opened(browser, database);
    const census = await tab.evaluate(asked, "!memusage");
    const { bytes, reads } = census;
    await tab.evaluate(slices, bytes);
    const plain = await tab.evaluate(slices, bytes);
    const speed = (ms) => `${(bytes / 1048.576 / ms).toFixed(0)} MiB/s`;
    console.log(
      `census, ${bytes} bytes in ${reads} reads: ${speed(census.ms)}; plain: ${speed(plain)}; ` +
        `${Math.round((100 * plain) / census.ms)} % (limit 90 %)`,
    );
  } finally {
    await browser.close();
  }
}
rmSync(folder, { recursive: true, force: true });
