// "Save Page As" as a person does it: Chromium's own dialog, driven by keyboard and mouse on a
// display of its own; Firefox's own command, with a file picker that answers by itself.

import { execFileSync } from "node:child_process";
import { mkdir, readdir, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import puppeteer from "puppeteer-core";
import { chromiumPath, quietFlags } from "./chromium.mjs";
import { deepQuery, deepText } from "./deep.mjs";
import { startDisplay } from "./display.mjs";
import { launchMarionette } from "./marionette.mjs";
import { scratch } from "./paths.mjs";
import { until } from "./wait.mjs";

/** Both ways of saving, by the order in which both browsers offer or number them. */
export const ways = ["HTML only", "complete"];

/** A Chromium with a window. Playwright would keep the dialog from opening, puppeteer does not. */
export async function savingChromium(way) {
  const [profile, folder] = [await scratch("profile"), await scratch("saved")];
  await mkdir(join(profile, "Default"));
  const preferences = {
    savefile: { type: ways.indexOf(way), default_directory: folder },
    download: { default_directory: folder },
  };
  await writeFile(join(profile, "Default/Preferences"), JSON.stringify(preferences));
  const screen = await startDisplay();
  const env = { ...process.env, DISPLAY: screen.name };
  const browser = await puppeteer.launch({
    executablePath: chromiumPath,
    headless: false,
    pipe: true,
    env,
    userDataDir: profile,
    defaultViewport: null,
    args: [...quietFlags, "--window-size=1200,900", "--window-position=0,0"],
  });
  const [tab] = await browser.pages();
  return {
    name: "chromium",
    open: (url) => tab.goto(url),
    text: () => tab.evaluate(deepText),
    choose: async (path) => {
      const input = await tab.evaluateHandle(deepQuery, "#files");
      await input.asElement().uploadFile(path);
    },
    save: () => throughTheDialog(screen, env, folder),
    /** Ctrl+S with the page in front: the page may answer it itself. */
    pressSave: async () => {
      await tab.keyboard.down("Control");
      await tab.keyboard.press("s");
      await tab.keyboard.up("Control");
      return until(() => savedFile(folder), "the page saved nothing");
    },
    screenshot: (path) => screen.screenshot(path),
    async close() {
      await browser.close();
      await screen.stop();
    },
  };
}

async function throughTheDialog(screen, env, folder) {
  const x = (...args) => execFileSync("xdotool", args, { env, encoding: "utf8" });
  const windows = () => x("search", "--onlyvisible", "--class", ".").trim().split("\n");
  const [browser] = windows();
  // With the address bar in front the page does not hear the key, as it would not hear the menu.
  x("windowfocus", browser, "key", "ctrl+l");
  x("key", "ctrl+s");
  const opened = () => windows().find((id) => id !== browser);
  const dialog = await until(opened, "Chromium opens no dialog to save the page");
  // The dialog moves and grows while it opens, and ignores the mouse until it is drawn.
  await sleep(800);
  const shape = x("getwindowgeometry", "--shell", dialog);
  const value = (name) => Number(new RegExp(`^${name}=(\\d+)`, "m").exec(shape)[1]);
  // GTK puts the button that saves in the corner at the lower right.
  const at = [value("X") + value("WIDTH") - 50, value("Y") + value("HEIGHT") - 24];
  x("mousemove", ...at.map(String), "click", "1");
  return until(() => savedFile(folder), "Chromium saved nothing");
}

/** The one page in a folder, once it no longer grows; moved to a folder of its own. */
async function savedFile(folder) {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".html"));
  if (names.length === 0) return null;
  const path = join(folder, names[0]);
  const { size } = await stat(path);
  await sleep(300);
  if (size === 0 || (await stat(path)).size !== size) return null;
  const kept = join(await scratch("kept"), names[0]);
  await rename(path, kept);
  return kept;
}

/** A Firefox whose chrome can be told to save. */
export async function savingFirefox(way) {
  const folder = await scratch("saved");
  const firefox = await launchMarionette();
  return {
    name: "firefox",
    open: (url) => firefox.open(url),
    text: () => firefox.content(`return (${deepText})()`),
    choose: (path) => firefox.upload(path),
    save: async () => {
      const path = join(folder, "saved.html");
      // Firefox numbers them the other way round.
      await firefox.chrome(saveByFirefox, path, 1 - ways.indexOf(way));
      return path;
    },
    screenshot: (path) => firefox.screenshot(path),
    close: () => firefox.close(),
  };
}

/** Runs in Firefox's chrome: File > Save Page As, and what a person would answer. */
const saveByFirefox = `
  const [path, kind] = args;
  const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
  file.initWithPath(path);
  const picker = {
    QueryInterface: ChromeUtils.generateQI(["nsIFilePicker"]),
    init() {}, appendFilters() {}, appendFilter() {}, appendRawFilter() {},
    open: (callback) =>
      Services.tm.dispatchToMainThread(() => callback.done(Ci.nsIFilePicker.returnOK)),
    get filterIndex() { return kind; },
    set filterIndex(index) {},
    file,
    fileURL: Services.io.newFileURI(file),
  };
  const registrar = Components.manager.QueryInterface(Ci.nsIComponentRegistrar);
  const contract = "@mozilla.org/filepicker;1";
  const before = registrar.contractIDToCID(contract);
  const own = Services.uuid.generateUUID();
  const factory = {
    QueryInterface: ChromeUtils.generateQI(["nsIFactory"]),
    createInstance: (iid) => picker.QueryInterface(iid),
  };
  registrar.registerFactory(own, "answers by itself", contract, factory);
  const { Downloads } = ChromeUtils.importESModule("resource://gre/modules/Downloads.sys.mjs");
  const list = await Downloads.getList(Downloads.ALL);
  try {
    await new Promise((resolve, reject) => {
      const view = {
        onDownloadAdded(download) { this.onDownloadChanged(download); },
        onDownloadChanged(download) {
          if (!download.stopped) return;
          list.removeView(view);
          if (download.succeeded) resolve();
          else reject(download.error ?? new Error("Firefox saved nothing"));
        },
      };
      list.addView(view);
      saveBrowser(gBrowser.selectedBrowser);
    });
  } finally {
    for (const download of await list.getAll()) await list.remove(download);
    registrar.unregisterFactory(own, factory);
    registrar.registerFactory(before, "", contract, null);
  }
`;
