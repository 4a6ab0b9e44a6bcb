// Firefox's own remote protocol, for what WebDriver cannot reach: the browser's chrome, where
// "Save Page As" lives. A message is its length, a colon and JSON: [0, id, command, parameters]
// is asked and [1, id, error, value] answered.

import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { deepQuery } from "./deep.mjs";
import { firefoxPath, quietPreferences } from "./firefox.mjs";

class Connection {
  #socket;
  #buffer = Buffer.alloc(0);
  #waiting = new Map();
  #next = 1;
  /** Resolves with the greeting. */
  greeted;

  constructor(socket) {
    this.#socket = socket;
    this.greeted = new Promise((resolve) => this.#waiting.set("greeting", { resolve }));
    socket.on("data", (data) => this.#hear(data));
    socket.on("close", () => {
      for (const { reject } of this.#waiting.values()) reject?.(new Error("Firefox hung up"));
    });
  }

  #hear(data) {
    this.#buffer = Buffer.concat([this.#buffer, data]);
    for (;;) {
      const colon = this.#buffer.indexOf(":");
      if (colon < 0) return;
      const end = colon + 1 + Number(this.#buffer.subarray(0, colon));
      if (this.#buffer.length < end) return;
      const message = JSON.parse(this.#buffer.subarray(colon + 1, end));
      this.#buffer = this.#buffer.subarray(end);
      this.#settle(message);
    }
  }

  #settle(message) {
    const id = Array.isArray(message) ? message[1] : "greeting";
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (!Array.isArray(message)) return waiting.resolve(message);
    const [, , error, value] = message;
    if (error) waiting.reject(new Error(`${error.error}: ${error.message}`));
    else waiting.resolve(value);
  }

  ask(command, parameters = {}) {
    const id = this.#next++;
    const text = Buffer.from(JSON.stringify([0, id, command, parameters]));
    this.#socket.write(`${text.length}:`);
    this.#socket.write(text);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  close() {
    this.#socket.destroy();
  }
}

async function connect(port) {
  for (let attempt = 0; ; attempt++) {
    try {
      const socket = createConnection(port, "127.0.0.1");
      await new Promise((resolve, reject) => {
        socket.once("connect", resolve);
        socket.once("error", reject);
      });
      const connection = new Connection(socket);
      await connection.greeted;
      return connection;
    } catch (error) {
      if (attempt === 150) throw error;
      await sleep(200);
    }
  }
}

async function profile(port) {
  const folder = await mkdtemp(join(tmpdir(), "bluepane-firefox-"));
  const preferences = { ...quietPreferences, "marionette.port": port };
  const lines = Object.entries(preferences).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`,
  );
  await writeFile(join(folder, "user.js"), lines.join(""));
  return folder;
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

/** Starts Firefox; `content(code)` and `chrome(code)` run the body of an async function. */
export async function launchMarionette() {
  const port = await freePort();
  const folder = await profile(port);
  const child = spawn(
    firefoxPath,
    [
      "--marionette",
      "--remote-allow-system-access",
      "--headless",
      "--no-remote",
      "--profile",
      folder,
    ],
    { stdio: "ignore" },
  );
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const connection = await connect(port);
  await connection.ask("WebDriver:NewSession", { capabilities: { alwaysMatch: {} } });
  const run = async (context, code, args) => {
    await connection.ask("Marionette:SetContext", { value: context });
    const script = `const [...given] = arguments; const done = given.pop();
      (async (...args) => { ${code} })(...given).then(done, (error) => done({ failed: String(error) }));`;
    const { value } = await connection.ask("WebDriver:ExecuteAsyncScript", {
      script,
      args,
      newSandbox: true,
    });
    if (value?.failed) throw new Error(value.failed);
    return value;
  };
  return {
    open: async (url) => {
      await connection.ask("Marionette:SetContext", { value: "content" });
      await connection.ask("WebDriver:Navigate", { url });
    },
    content: (code, ...args) => run("content", code, args),
    chrome: (code, ...args) => run("chrome", code, args),
    /** Gives a file to the page's own file input. */
    async upload(path) {
      await connection.ask("Marionette:SetContext", { value: "content" });
      const { value } = await connection.ask("WebDriver:ExecuteScript", {
        script: `return (${deepQuery})("#files")`,
        args: [],
      });
      const [id] = Object.values(value);
      await connection.ask("WebDriver:ElementSendKeys", { id, text: path });
    },
    async screenshot(path) {
      await connection.ask("Marionette:SetContext", { value: "content" });
      const { value } = await connection.ask("WebDriver:TakeScreenshot", { full: true });
      await writeFile(path, Buffer.from(value, "base64"));
    },
    async close() {
      await connection.ask("Marionette:Quit", { flags: ["eForceQuit"] }).catch(() => {});
      connection.close();
      const late = setTimeout(() => child.kill("SIGKILL"), 5000);
      await ended;
      clearTimeout(late);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
