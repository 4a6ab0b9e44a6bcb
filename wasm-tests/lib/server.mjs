// Serves files from memory or disk on a free port of this machine, and remembers what was asked.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";

/** `routes`: path → { file } or { body }, with an optional `type` and `headers`. */
export async function serve(routes) {
  const asked = [];
  const server = createServer(async (request, response) => {
    asked.push(request.url);
    const route = routes[request.url];
    if (!route) return response.writeHead(404).end();
    const body = route.body ?? (await readFile(route.file));
    response.writeHead(200, {
      "content-type": route.type ?? "text/html; charset=utf-8",
      "cache-control": "no-store",
      ...route.headers,
    });
    response.end(body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return { origin, asked, unref: () => server.unref(), close: () => server.close() };
}
