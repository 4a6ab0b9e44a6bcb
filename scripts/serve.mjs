// Serves www/dist on this computer, with the headers of its _headers file as a real host would.
// Usage: node scripts/serve.mjs [PORT]   (0: any free one)

import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, normalize, sep } from "node:path";
import { fileURLToPath } from "node:url";

const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), "www", "dist");
const port = Number(process.argv[2] ?? 8080);
if (!Number.isInteger(port) || port < 0 || port > 65535) {
  stop(`${process.argv[2]} is no port; choose one of 1 to 65535: make serve PORT=8081`);
}
const index = join(dist, "index.html");
if (!existsSync(index)) stop(`${index} is missing; build it: make page`);
const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
};

/** The indented lines of _headers; its comments and the path they apply to (`/*`) are not. */
function hostHeaders() {
  const lines = readFileSync(join(dist, "_headers"), "utf8").split("\n");
  return lines
    .filter((line) => line.startsWith("  "))
    .map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
    });
}

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  const wanted = decodePath(pathname);
  const file =
    wanted && join(dist, normalize(wanted.endsWith("/") ? `${wanted}index.html` : wanted));
  const known = file?.startsWith(dist + sep) && statSync(file, { throwIfNoEntry: false })?.isFile();
  if (!known || !["GET", "HEAD"].includes(request.method ?? "")) {
    response.writeHead(known ? 405 : 404, { "Content-Type": "text/plain" });
    response.end(known ? "only reading\n" : "not here\n");
    return;
  }
  for (const [name, value] of hostHeaders()) response.setHeader(name, value);
  response.setHeader("Content-Type", types[extname(file)] ?? "application/octet-stream");
  if (request.method === "HEAD") response.end();
  else createReadStream(file).pipe(response);
});

function decodePath(pathname) {
  try {
    return decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
}

function stop(why) {
  console.error(`error: ${why}`);
  process.exit(1);
}

server.on("error", (error) => {
  const other = port >= 1024 && port < 65535 ? port + 1 : 8081;
  const instead = `choose another: make serve PORT=${other}\n  or open the page from disk: ${index}`;
  if (error.code === "EADDRINUSE") stop(`port ${port} is taken by another program; ${instead}`);
  if (error.code === "EACCES") stop(`port ${port} is for administrators only; ${instead}`);
  stop(`nothing can be served here (${error.message}); open the page from disk: ${index}`);
});
// Only this computer: the page needs no other listener.
server.listen(port, "localhost", () => {
  console.log(`bluepane:   http://localhost:${server.address().port}/`);
  console.log(`the page:   ${index}`);
  console.log("            (one file; it works the same when opened from disk)");
  console.log("Ctrl+C ends it.");
});
