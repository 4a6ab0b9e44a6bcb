// An attachment on the host page's own origin, read by range requests. A server that does not
// answer ranges sends the whole file once.
import { type Source, blobSource } from "../../www/src/engine/source";

const OPTIONS: RequestInit = { credentials: "same-origin", redirect: "error", cache: "no-store" };

export async function urlSource(url: string, name?: string): Promise<Source> {
  const address = new URL(url, document.baseURI);
  if (address.origin !== window.location.origin) {
    throw new Error(`only attachments on ${window.location.origin} are read`);
  }
  const shown = name ?? decodeURIComponent(address.pathname.replace(/^.*\//, "") || "dump");
  const first = await fetch(address, { ...OPTIONS, headers: { Range: "bytes=0-0" } });
  const total = /\/(\d+)$/.exec(first.headers.get("Content-Range") ?? "")?.[1];
  if (first.status === 200) return blobSource(await first.blob(), shown);
  if (first.status !== 206 || total === undefined) {
    throw new Error(`the server answered ${first.status} ${first.statusText}`.trim());
  }
  const tag = first.headers.get("ETag");
  return {
    name: shown,
    size: Number(total),
    read: (offset, length) => range(address, offset, length, tag),
  };
}

/** One range; an attachment that changed meanwhile is refused, not mixed. */
async function range(
  address: URL,
  offset: number,
  length: number,
  tag: string | null,
): Promise<Uint8Array> {
  const headers = new Headers({ Range: `bytes=${offset}-${offset + length - 1}` });
  if (tag && !tag.startsWith("W/")) headers.set("If-Range", tag);
  const answer = await fetch(address, { ...OPTIONS, headers });
  if (answer.status !== 206) throw new Error(`the server answered ${answer.status} to a range`);
  return new Uint8Array(await answer.arrayBuffer());
}
