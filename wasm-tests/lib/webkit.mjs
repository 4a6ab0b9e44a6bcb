// WebKitGTK's MiniBrowser through Debian's WebKitWebDriver, by plain WebDriver: no library for
// Node drives it. It needs a display, which Xvfb gives.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { deepClick, deepQuery, deepText } from "./deep.mjs";
import { startDisplay } from "./display.mjs";

const browsers = ["4.1", "6.0", "4.0"].flatMap((version) => [
  `/usr/lib/x86_64-linux-gnu/webkit2gtk-${version}/MiniBrowser`,
  `/usr/lib/aarch64-linux-gnu/webkit2gtk-${version}/MiniBrowser`,
]);
const elementKey = "element-6066-11e4-a52e-4f735466cecf";

/** Why WebKitGTK cannot be driven here, or null. */
export function missingWebKit() {
  if (!browsers.some((path) => existsSync(path))) return "webkit2gtk-driver is not installed";
  return existsSync("/usr/bin/Xvfb") ? null : "xvfb is not installed";
}

async function command(base, method, path, body) {
  const answer = await fetch(`${base}${path}`, {
    method,
    body: body && JSON.stringify(body),
    headers: body && { "content-type": "application/json" },
    signal: AbortSignal.timeout(60_000),
  });
  const { value } = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${path}: ${value?.error}: ${value?.message}`);
  return value;
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

export async function launchWebKit() {
  const binary = browsers.find((path) => existsSync(path));
  const screen = await startDisplay();
  const port = await freePort();
  const env = {
    ...process.env,
    DISPLAY: screen.name,
    WEBKIT_DISABLE_DMABUF_RENDERER: "1",
    LIBGL_ALWAYS_SOFTWARE: "1",
  };
  const server = spawn("WebKitWebDriver", [`--port=${port}`], { env, stdio: "ignore" });
  const base = `http://127.0.0.1:${port}`;
  const session = await newSession(base, binary);
  return {
    name: "webkit",
    async open(url, { framed = false } = {}) {
      await command(base, "POST", `${session}/frame`, { id: null });
      await command(base, "POST", `${session}/url`, { url });
      if (framed) await command(base, "POST", `${session}/frame`, { id: 0 });
      return driver(base, session, screen, framed);
    },
    async close() {
      await command(base, "DELETE", session).catch(() => {});
      server.kill();
      await screen.stop();
    },
  };
}

async function newSession(base, binary) {
  const wanted = { "webkitgtk:browserOptions": { binary, args: ["--automation"] } };
  for (let attempt = 0; ; attempt++) {
    try {
      const body = { capabilities: { alwaysMatch: wanted } };
      return `/session/${(await command(base, "POST", "/session", body)).sessionId}`;
    } catch (error) {
      if (attempt === 50) throw error;
      await sleep(200);
    }
  }
}

function driver(base, session, screen, framed) {
  const run = (code, ...args) =>
    command(base, "POST", `${session}/execute/sync`, {
      script: `return (${code}).apply(null, arguments)`,
      args,
    });
  return {
    requests: [],
    complaints: [],
    evaluate: run,
    outside: async (...call) => {
      await command(base, "POST", `${session}/frame`, { id: null });
      try {
        return await run(...call);
      } finally {
        if (framed) await command(base, "POST", `${session}/frame`, { id: 0 });
      }
    },
    text: () => run(deepText),
    press: async (label) => pressed(await run(deepClick, label), label),
    choose: async (paths, { folder = false } = {}) => {
      const input = await run(deepQuery, folder ? "#folder" : "#files");
      const text = [paths].flat().join("\n");
      await command(base, "POST", `${session}/element/${input[elementKey]}/value`, { text });
    },
    // WebKitWebDriver's own screenshot never answers without a graphics card.
    screenshot: (path) => screen.screenshot(path),
    close: async () => {},
  };
}

function pressed(found, label) {
  if (!found) throw new Error(`there is nothing to press called ${label}`);
}
