// The built page starts its analyzer under its own policy, from disk, and asks for nothing.

import assert from "node:assert/strict";
import { fileURLToPath, pathToFileURL } from "node:url";
import { test } from "node:test";

import { chromium } from "playwright-core";

const page = fileURLToPath(new URL("../www/dist/index.html", import.meta.url));

test("from file:// the page carries all it needs and violates none of its own policy", async () => {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox"],
  });
  try {
    const tab = await browser.newPage();
    const complaints = [];
    const requests = [];
    tab.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    tab.on("pageerror", (error) => complaints.push(String(error)));
    tab.on("request", (request) => requests.push(request.url()));
    await tab.goto(pathToFileURL(page).href);
    const notADump = { name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("not a dump") };
    await tab.locator("bluepane-welcome input#files").setInputFiles(notADump);
    await tab.locator("bluepane-card h1", { hasText: /\w/ }).waitFor();
    assert.equal(await tab.evaluate(() => typeof RTCPeerConnection), "undefined");
    assert.deepEqual(complaints, []);
    assert.deepEqual(
      requests.filter((url) => !/^(file|blob|data):/.test(url)),
      [],
    );
  } finally {
    await browser.close();
  }
});
