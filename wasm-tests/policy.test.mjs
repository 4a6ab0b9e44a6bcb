// The policy that the page carries is the one that its build says, no more and no less, and each
// browser enforces it.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { directives, fingerprint, policyText } from "../www/build/policy.mjs";
import { inBrowsers } from "./lib/browsers.mjs";
import { page, pageUrl } from "./lib/paths.mjs";
import { shows, until } from "./lib/wait.mjs";

const html = await readFile(page, "utf8");
const shipped = /<meta http-equiv="Content-Security-Policy" content="([^"]*)">/.exec(html)?.[1];
const texts = (pattern) => [...html.matchAll(pattern)].map(([, text]) => text);
const scripts = texts(/<script>([\s\S]*?)<\/script>/g);
const styles = texts(/<style>([\s\S]*?)<\/style>/g);

test("the page carries one script, one style sheet and the policy that the build says", () => {
  assert.equal(scripts.length, 1);
  assert.equal(styles.length, 1);
  const inline = { scripts: scripts.map(fingerprint), styles: styles.map(fingerprint) };
  assert.equal(shipped, policyText(directives(inline)));
  assert.ok(html.indexOf(shipped) < html.indexOf("<style>"), "the policy comes too late");
});

test("the policy allows what the design allows and nothing else", () => {
  const [script, style] = [fingerprint(scripts[0]), fingerprint(styles[0])];
  assert.deepEqual(shipped.split("; "), [
    "default-src 'none'",
    `script-src ${script} 'wasm-unsafe-eval'`,
    "worker-src blob:",
    `style-src ${style}`,
    "img-src data: blob:",
    "form-action 'none'",
    "base-uri 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types bluepane lit-html",
  ]);
});

test("the header for hosts is the same policy", async () => {
  const headers = join(dirname(page), "_headers");
  assert.ok(existsSync(headers), `${headers} is missing`);
  const lines = (await readFile(headers, "utf8")).split("\n");
  assert.ok(lines.includes(`  Content-Security-Policy: ${shipped}`));
});

test("the page names no address to load from", () => {
  const outside = texts(/\s(?:src|href|action|srcset)\s*=\s*"((?:https?:)?\/\/[^"]*)"/g);
  assert.deepEqual(outside, []);
});

/** Runs in the page: what text of a dump would try, should it ever become markup. */
function misbehave() {
  globalThis.blocked = [];
  addEventListener("securitypolicyviolation", (event) =>
    globalThis.blocked.push(event.effectiveDirective),
  );
  const text = document.createElement("p");
  text.setAttribute("style", "position: fixed");
  document.body.append(text);
  const base = document.createElement("base");
  base.href = "https://example.org/";
  document.head.append(base);
  const sheet = document.createElement("style");
  sheet.textContent = "body { outline: 7px solid red }";
  document.head.append(sheet);
  const refused = {};
  const attempt = (what, run) => {
    try {
      run();
    } catch (error) {
      refused[what] = error.name;
    }
  };
  attempt("script", () => {
    const script = document.createElement("script");
    script.textContent = "globalThis.ran = 'script'";
    document.body.append(script);
  });
  attempt("handler", () => {
    const image = document.createElement("img");
    image.setAttribute("onerror", "globalThis.ran = 'handler'");
    image.src = "data:image/png;base64,";
    document.body.append(image);
  });
  attempt("timer", () => setTimeout("globalThis.ran = 'timer'", 0));
  attempt("markup", () => (document.createElement("div").innerHTML = "<b>x</b>"));
  attempt("worker", () => new Worker("https://example.org/worker.js"));
  return {
    refused,
    position: getComputedStyle(text).position,
    outline: getComputedStyle(document.body).outlineWidth,
    base: document.baseURI,
  };
}

const left = () => ({ blocked: globalThis.blocked, ran: globalThis.ran ?? null });

inBrowsers("the policy is enforced", (it, name) => {
  it("no style, script, handler, base or markup from text takes effect", async (open) => {
    const tab = await open(pageUrl);
    await shows(tab, "Drop a Windows crash dump here");
    const before = await tab.evaluate(() => document.baseURI);
    const seen = await tab.evaluate(misbehave);
    assert.equal(seen.position, "static", "a style attribute took effect");
    assert.notEqual(seen.outline, "7px", "a style sheet took effect");
    assert.equal(seen.base, before, "a base element took effect");
    assert.equal(seen.refused.markup, "TypeError", "plain text became markup");
    const done = await until(async () => {
      const answer = await tab.evaluate(left);
      return answer.blocked.some((what) => what.startsWith("style-src")) && answer;
    }, `${name} reports no blocked style`);
    assert.equal(done.ran, null, "text became a program");
  });
});
