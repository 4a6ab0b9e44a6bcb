// The page in somebody's frame: silent until it is greeted, and nothing of a dump goes to the
// embedder before the user has said so, and then to that origin alone.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { inBrowsers } from "./lib/browsers.mjs";
import { sampleFacts } from "./lib/dumps.mjs";
import { page } from "./lib/paths.mjs";
import { serve } from "./lib/server.mjs";
import { shows, until } from "./lib/wait.mjs";

const host = await serve({ "/": { file: page } });
host.unref();

const wiki = (body) => `<!doctype html><meta charset="utf-8"><title>wiki</title>
  <link rel="icon" href="data:,"><body>${body}<script>
    globalThis.heard = [];
    addEventListener("message", ({ data, origin }) => heard.push({ data, origin }));
  </script>`;
const frame = (sandbox) =>
  `<iframe ${sandbox} width="1100" height="800" src="${host.origin}/"></iframe>`;
const origin = await serve({
  "/wiki": { body: wiki(frame("")) },
  "/sandboxed": { body: wiki(frame('sandbox="allow-scripts"')) },
  "/nameless": {
    body: wiki(frame("")),
    headers: { "content-security-policy": "sandbox allow-scripts" },
  },
});
origin.unref();

/** Both sides: `inner` is the page in the frame, `outer` asks the wiki around it. */
async function embedded(open, path) {
  const inner = await open(`${origin.origin}${path}`, { framed: true });
  await shows(inner, "Drop a Windows crash dump here");
  const outer = {
    say: (message) => inner.outside(say, message),
    heard: () => inner.outside(() => globalThis.heard),
    hears: (type) => {
      const ask = async () => (await outer.heard()).find(({ data }) => data.type === type);
      return until(ask, `no ${type} came`);
    },
  };
  return { inner, outer };
}

/** In the wiki. */
function say(message) {
  frames[0].postMessage(message, "*");
}

/** In the wiki. */
function post() {
  const file = new File([new Uint8Array(70_000)], "posted.dmp");
  frames[0].postMessage({ type: "bluepane-open", file }, "*");
}

async function sample(inner) {
  await inner.press("Open the sample");
  await shows(inner, `${sampleFacts.code} ${sampleFacts.name}`);
}

/** Long enough for a message that should not come. */
const aWhile = () => sleep(700);

const mentions = (message) => JSON.stringify(message).includes("SAMPLE-VM");

inBrowsers("embedded", (it) => {
  it("without a greeting nothing is ever sent", async (open) => {
    const { inner, outer } = await embedded(open, "/wiki");
    await sample(inner);
    await aWhile();
    assert.deepEqual(await outer.heard(), []);
    assert.doesNotMatch(await inner.text(), /Send the redacted report/);
  });

  it("after a greeting the user is asked first, sees who asks, and can refuse", async (open) => {
    const { inner, outer } = await embedded(open, "/wiki");
    await outer.say({ type: "bluepane-hello" });
    await outer.hears("bluepane-ready");
    await sample(inner);
    const text = await shows(inner, "Send the redacted report");
    assert.ok(text.includes(origin.origin), "the page does not say who asks");
    await aWhile();
    assert.deepEqual(
      (await outer.heard()).map(({ data }) => data.type),
      ["bluepane-ready"],
    );
    await inner.press("Send nothing");
    await aWhile();
    assert.equal((await outer.heard()).length, 1);
  });

  it("a consent sends the redacted report to the wiki", async (open) => {
    const { inner, outer } = await embedded(open, "/wiki");
    await outer.say({ type: "bluepane-hello" });
    await sample(inner);
    await shows(inner, "Send the redacted report");
    await inner.press("Send the redacted report");
    const { data, origin: from } = await outer.hears("bluepane-report");
    assert.equal(from, host.origin);
    assert.equal(data.redacted, true);
    assert.equal(data.report.bugcheck.name, sampleFacts.name);
    assert.ok(!mentions(data), "the redacted report names the machine");
  });

  it("in a frame that only allows scripts it is the same", async (open) => {
    const { inner, outer } = await embedded(open, "/sandboxed");
    await outer.say({ type: "bluepane-hello" });
    await outer.hears("bluepane-ready");
    await sample(inner);
    await shows(inner, "Send the redacted report");
    await inner.press("Send the redacted report");
    const { data, origin: from } = await outer.hears("bluepane-report");
    assert.equal(from, "null");
    assert.equal(data.report.bugcheck.name, sampleFacts.name);
  });

  it("an embedder without an origin gets no answer: anybody could be listening", async (open) => {
    const { inner, outer } = await embedded(open, "/nameless");
    await outer.say({ type: "bluepane-hello" });
    await sample(inner);
    await aWhile();
    assert.deepEqual(await outer.heard(), []);
  });

  it("a file that the embedder posts in is analysed, after its greeting only", async (open) => {
    const { inner, outer } = await embedded(open, "/wiki");
    await inner.outside(post);
    await aWhile();
    assert.doesNotMatch(await inner.text(), /posted\.dmp/);
    await outer.say({ type: "bluepane-hello" });
    await inner.outside(post);
    await shows(inner, /posted\.dmp.*Only zeros/i);
  });
});
