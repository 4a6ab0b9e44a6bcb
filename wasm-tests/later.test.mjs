// The analyzer comes in two parts. A report is made with the first alone, but for rare kinds of
// dumps; the second is given to the worker when somebody asks something, and what happens without it is
// never silent.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { inBrowsers } from "./lib/browsers.mjs";
import { dumps, realMinidump, sampleFacts } from "./lib/dumps.mjs";
import { pageUrl, realDump, root, scratch } from "./lib/paths.mjs";
import { shows, until } from "./lib/wait.mjs";

const files = await dumps();
const real = realMinidump();
const start = "Drop a Windows crash dump here";
const LACKING = "the second part of the analyzer is not there yet";

/** In the page: notes what is said to workers. */
function listen() {
  globalThis.said = [];
  const post = Worker.prototype.postMessage;
  Worker.prototype.postMessage = function (message, ...rest) {
    globalThis.said.push(message.type);
    return post.call(this, message, ...rest);
  };
}

/** In the page: the next analysis ends as one does that comes to need the second part. */
function lackNext(message) {
  globalThis.said = [];
  const post = Worker.prototype.postMessage;
  let lacked = false;
  Worker.prototype.postMessage = function (sent, ...rest) {
    globalThis.said.push(sent.type);
    if (sent.type !== "open" || lacked) return post.call(this, sent, ...rest);
    lacked = true;
    this.dispatchEvent(new ErrorEvent("error", { message: `Uncaught Error: ${message}` }));
  };
}

/** In the page: one line of the console. */
function ask(line) {
  const find = (root) => {
    for (const one of root.querySelectorAll("*")) {
      if (one.localName === "bluepane-console") return one;
      const found = one.shadowRoot && find(one.shadowRoot);
      if (found) return found;
    }
    return null;
  };
  const found = find(document);
  if (!found || found.busy) return false;
  void found.run(line);
  return true;
}

const said = (tab) => tab.evaluate(() => globalThis.said);

inBrowsers("the analyzer's second part", (it) => {
  it("is not loaded for a report, and is when the console is asked", async (open) => {
    const tab = await open(pageUrl);
    await shows(tab, start);
    await tab.evaluate(listen);
    const dumps = [{ path: files.sample, ...sampleFacts }, ...(real ? [real] : [])];
    for (const { path, code, name } of dumps) {
      await tab.choose(path);
      await shows(tab, `${code} ${name}`);
      await shows(tab, "Save this tool");
      assert.ok(!(await said(tab)).includes("later"), `${path} needs the second part`);
      if (path !== dumps.at(-1).path) {
        await tab.press("Open another");
        await shows(tab, start);
      }
    }
    await until(() => tab.evaluate(ask, ".time"), "the console is not ready");
    await shows(tab, "System Uptime");
    const all = await said(tab);
    assert.equal(all.filter((type) => type === "later").length, 1);
    assert.ok(all.indexOf("later") < all.indexOf("command"), all.join(" "));
    assert.deepEqual(tab.complaints, []);
  });

  it("is loaded for a report after all where one stops for want of it", async (open) => {
    const tab = await open(pageUrl);
    await shows(tab, start);
    await tab.evaluate(lackNext, LACKING);
    await tab.choose(files.sample);
    await shows(tab, `${sampleFacts.code} ${sampleFacts.name}`);
    await until(async () => (await said(tab)).includes("later"), "the part was not given");
    const all = await said(tab);
    assert.ok(all.indexOf("later") < all.lastIndexOf("open"), all.join(" "));
  });
});

test("a question without the second part says what is missing, and with it is answered", async () => {
  const { initSync, look_up, install_knowledge } = await import(join(root, "www/pkg/bluepane.js"));
  const { packKnowledge, packLayouts } = await import(join(root, "www/build/knowledge.mjs"));
  const part = (name) => readFile(join(root, "www/pkg", name));
  const first = initSync({ module: await part("bluepane_bg.wasm") });
  install_knowledge(Buffer.concat([await packKnowledge(root), await packLayouts(root)]));
  assert.throws(() => look_up("0x7A"), new Error(LACKING));
  const later = new WebAssembly.Module(await part("bluepane_later.wasm"));
  new WebAssembly.Instance(later, { first });
  assert.match(JSON.stringify(look_up("0x7A")), /KERNEL_DATA_INPAGE_ERROR/);
});

/** Stop codes of hardware errors, damaged pool, and time that ran out. */
const RARE_CODES = [
  0x19, 0x9c, 0x9f, 0xc1, 0xc2, 0xc5, 0xd0, 0xea, 0x101, 0x10e, 0x113, 0x116, 0x117, 0x119, 0x124,
  0x133, 0x13a, 0x141, 0x142, 0x144, 0x193, 0x1c8,
];
/** What the kernel adds to a code that is raised a second way (0x100000ea). */
const SECOND_FORM = 0x1000_0000;

/** Whether a report may need the second part: a program's minidump, ARM64, or a record of such a stop. */
async function isRare(path) {
  const head = await readFile(path);
  const kind = head.toString("latin1", 0, 8);
  const ARM64 = 0xaa64;
  if (kind === "PAGEDU64") {
    const code = head.readUInt32LE(0x38) & ~SECOND_FORM;
    return head.readUInt32LE(0x30) === ARM64 || RARE_CODES.includes(code);
  }
  if (kind === "PAGEDUMP") return RARE_CODES.includes(head.readUInt32LE(0x28) & ~SECOND_FORM);
  return kind.startsWith("MDMP");
}

test("a report of any scenario and of any real dump is made with the first part alone", async () => {
  const run = promisify(execFile);
  const folder = await scratch("alone");
  const dumps = [];
  for (const scenario of await below(join(root, "crate/forge/scenarios"), ".toml")) {
    const path = join(folder, `${basename(scenario)}.dmp`);
    const call = ["run", "-q", "--locked", "-p", "bluepane-forge", "--", scenario, "-o", path];
    await run("cargo", call, { cwd: root });
    dumps.push(path);
  }
  for (const kind of ["triage", "user-minidump"]) {
    const real = realDump(kind);
    if (real) dumps.push(...(await below(real, ".dmp")));
  }
  const { stdout } = await run("node", [join(root, "wasm-tests/lib/first-alone.mjs"), ...dumps]);
  const ended = stdout
    .trim()
    .split("\n")
    .map((line) => line.split("\t"));
  assert.equal(ended.length, dumps.length);
  let alone = 0;
  for (const [how, path] of ended) {
    if (how === "report") alone += 1;
    else assert.ok((await isRare(path)) && how === LACKING, `${path}: ${how}`);
  }
  assert.ok(alone > dumps.length / 2, `${alone} of ${dumps.length}`);
  await rm(folder, { recursive: true });
});

/** The files below a folder whose name ends so. */
async function below(folder, ending) {
  const names = await readdir(folder, { recursive: true });
  return names
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(folder, name));
}
