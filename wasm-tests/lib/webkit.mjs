// WebKitGTK's MiniBrowser through Debian's WebKitWebDriver, by plain WebDriver: no library for
// Node drives it. It needs a display, which Xvfb gives.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { deepQuery, deepText } from "./deep.mjs";

const browsers = ["4.1", "6.0", "4.0"].flatMap((version) => [
  `/usr/lib/x86_64-linux-gnu/webkit2gtk-${version}/MiniBrowser`,
  `/usr/lib/aarch64-linux-gnu/webkit2gtk-${version}/MiniBrowser`,
]);
const elementKey = "element-6066-11e4-a52e-4f735466cecf";

/** Starts Xvfb on a free display and gives its name. */
async function startDisplay() {
  const server = spawn(
    "Xvfb",
    ["-displayfd", "3", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"],
    {
      stdio: ["ignore", "ignore", "ignore", "pipe"],
    },
  );
  const display = await new Promise((resolve, reject) => {
    server.stdio[3].once("data", (number) => resolve(`:${String(number).trim()}`));
    server.once("error", reject);
    server.once("exit", (code) => reject(new Error(`Xvfb ended with ${code}`)));
  });
  return { display, stop: () => server.kill() };
}

async function command(base, method, path, body) {
  const answer = await fetch(`${base}${path}`, {
    method,
    body: body && JSON.stringify(body),
    headers: body && { "content-type": "application/json" },
  });
  const { value } = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${path}: ${value?.error}: ${value?.message}`);
  return value;
}

export async function launchWebKit() {
  const binary = browsers.find((path) => existsSync(path));
  if (!binary) throw new Error("webkit2gtk-driver is not installed");
  const screen = await startDisplay();
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const env = {
    ...process.env,
    DISPLAY: screen.display,
    WEBKIT_DISABLE_DMABUF_RENDERER: "1",
    LIBGL_ALWAYS_SOFTWARE: "1",
  };
  const server = spawn("WebKitWebDriver", [`--port=${port}`], { env, stdio: "ignore" });
  const base = `http://127.0.0.1:${port}`;
  const session = await newSession(base, binary);
  return {
    name: "webkit",
    async open(url) {
      await command(base, "POST", `${session}/url`, { url });
      return driver(base, session);
    },
    async close() {
      await command(base, "DELETE", session).catch(() => {});
      server.kill();
      screen.stop();
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

function driver(base, session) {
  const run = (script, ...args) =>
    command(base, "POST", `${session}/execute/sync`, { script, args });
  return {
    evaluate: (expression) =>
      run(typeof expression === "function" ? `return (${expression})()` : `return (${expression})`),
    text: () => run(`return (${deepText})()`),
    choose: async (paths) => {
      const input = await run(
        `return (${deepQuery})(arguments[0])`,
        "input[type=file]:not([webkitdirectory])",
      );
      const text = [paths].flat().join("\n");
      await command(base, "POST", `${session}/element/${input[elementKey]}/value`, { text });
    },
    screenshot: async (path) =>
      writeFile(path, Buffer.from(await command(base, "GET", `${session}/screenshot`), "base64")),
  };
}
