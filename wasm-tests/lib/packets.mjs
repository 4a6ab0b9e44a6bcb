// Run by network.test.mjs inside a network of its own (see `alone`): opens pages in one browser
// and counts the packets that leave. Prints what it saw as JSON on the last line.
// Usage: node packets.mjs BROWSER FOLDER    (FOLDER holds control.html and wiki.html)

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { browsers } from "./browsers.mjs";
import { sampleFacts } from "./dumps.mjs";
import { pageUrl } from "./paths.mjs";
import { shows } from "./wait.mjs";

const [name, folder] = process.argv.slice(2);
const address = (file) => pathToFileURL(join(folder, file)).href;

/** Packets sent so far through the only way out. */
function sent() {
  const row = /^\s*out:(.*)$/m.exec(readFileSync("/proc/net/dev", "utf8"));
  if (!row) throw new Error("there is no device `out`: run this through `alone`");
  return Number(row[1].trim().split(/\s+/)[9]);
}

/**
 * Runs in the page: the ways out that a policy has to close, and the one that it leaves open.
 * Nothing answers; what counts is the packet. Navigation is not among them: no policy stops it (in
 * Chromium even a form that it blocks opens a connection first), so the page has nothing that navigates.
 */
function tryEverything() {
  const target = "10.99.0.1";
  const tried = {};
  const attempt = (what, run) => {
    try {
      const answer = run();
      answer?.catch?.(() => {});
      tried[what] = "tried";
    } catch (error) {
      tried[what] = error.name;
    }
  };
  attempt("fetch", () => fetch(`http://${target}/fetch`, { mode: "no-cors" }));
  attempt("fetch of a name", () => fetch("http://fetch.example.org/", { mode: "no-cors" }));
  attempt("XMLHttpRequest", () => {
    const request = new XMLHttpRequest();
    request.open("GET", `http://${target}/xhr`);
    request.send();
  });
  attempt("image", () => (new Image().src = `http://${target}/image`));
  attempt("beacon", () => navigator.sendBeacon(`http://${target}/beacon`, "x"));
  attempt("WebSocket", () => new WebSocket(`ws://${target}/socket`));
  attempt("EventSource", () => new EventSource(`http://${target}/events`));
  attempt("WebRTC", () => {
    const connection = new RTCPeerConnection({ iceServers: [{ urls: `stun:${target}:3478` }] });
    connection.createDataChannel("x");
    return connection.createOffer().then((offer) => connection.setLocalDescription(offer));
  });
  return tried;
}

function webRtc() {
  return Object.getOwnPropertyNames(globalThis).filter((name) => /^(webkit|moz)?RTC/.test(name));
}

/** Waits until the browser's own start is over: no packet for a while. */
async function settle() {
  for (let quiet = 0, last = sent(); quiet < 10;) {
    await sleep(250);
    quiet = sent() === last ? quiet + 1 : 0;
    last = sent();
  }
}

async function counted(run) {
  const before = sent();
  const result = await run();
  // Retries, and connections that open late.
  await sleep(2500);
  return { ...result, packets: sent() - before };
}

const { launch } = browsers.find((browser) => browser.name === name);
const browser = await launch();
const seen = { atStart: sent() };
try {
  await browser.open("about:blank");
  await settle();
  seen.blank = await counted(async () => void (await browser.open("about:blank")));
  for (const [place, url, framed] of [
    ["page", pageUrl, false],
    ["frame", address("wiki.html"), true],
  ]) {
    seen[place] = await counted(async () => {
      const tab = await browser.open(url, { framed });
      await shows(tab, "Drop a Windows crash dump here");
      await tab.press("Open the sample");
      await shows(tab, sampleFacts.name);
      return { webRtc: await tab.evaluate(webRtc), tried: await tab.evaluate(tryEverything) };
    });
  }
  // The control comes last: connections that it opens may be tried again for minutes.
  seen.control = await counted(async () => {
    const tab = await browser.open(address("control.html"));
    return { webRtc: await tab.evaluate(webRtc), tried: await tab.evaluate(tryEverything) };
  });
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));
process.exit(0);
