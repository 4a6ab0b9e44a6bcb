// A screen for browsers that need one: Xvfb, whose picture lies in a file.

import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";

/** Starts Xvfb on a free display. `name` goes into DISPLAY. */
export async function startDisplay() {
  const folder = await mkdtemp(join(tmpdir(), "bluepane-screen-"));
  const args = ["-displayfd", "3", "-screen", "0", "1280x1024x24", "-fbdir", folder];
  const server = spawn("Xvfb", [...args, "-nolisten", "tcp"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const ended = new Promise((resolve) => server.once("exit", resolve));
  const name = await new Promise((resolve, reject) => {
    server.stdio[3].once("data", (number) => resolve(`:${String(number).trim()}`));
    server.once("error", reject);
    server.once("exit", (code) => reject(new Error(`Xvfb ended with ${code}`)));
  });
  return {
    name,
    screenshot: async (path) => writeFile(path, png(await readFile(join(folder, "Xvfb_screen0")))),
    async stop() {
      server.kill();
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** From the X server's own format (XWDFile.h: 25 big-endian words, then colours, then rows). */
function png(dump) {
  const word = (index) => dump.readUInt32BE(4 * index);
  const [width, height, stride] = [word(4), word(5), word(12)];
  const start = word(0) + 12 * word(19);
  const rows = Buffer.alloc(height * (1 + 3 * width));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      // Little-endian words: blue, green, red, unused.
      const from = start + y * stride + 4 * x;
      const to = y * (1 + 3 * width) + 1 + 3 * x;
      rows[to] = dump[from + 2];
      rows[to + 1] = dump[from + 1];
      rows[to + 2] = dump[from];
    }
  }
  const size = Buffer.alloc(13);
  size.writeUInt32BE(width, 0);
  size.writeUInt32BE(height, 4);
  size.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  return Buffer.concat([
    signature,
    chunk("IHDR", size),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const frame = Buffer.alloc(8 + body.length);
  frame.writeUInt32BE(data.length, 0);
  frame.set(body, 4);
  frame.writeUInt32BE(crc32(body), 4 + body.length);
  return frame;
}
