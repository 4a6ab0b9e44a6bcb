// What the page and its worker say to each other. Every message is a plain object; every
// analysis has a number, so that an answer that comes late is known as such.
import type { Answer, Listing, Progress, Report, Shown } from "../report";

export type Format = "text" | "markdown" | "json" | "html";

/** Why an analysis ended without a report. The page words it. */
export type FaultCode =
  | "file-gone" // the browser cannot read the file any more: changed, moved, a cloud placeholder
  | "analyzer-stopped" // the analyzer gave up: a defect
  | "worker-lost" // the worker ended or never answered
  | "not-started" // the worker or the module could not be loaded
  | "read-failed"; // a range could not be fetched

export interface Fault {
  code: FaultCode;
  /** What the browser said. */
  message: string;
}

/** How a question may be watched and stopped. */
export interface Watch {
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
}

/** A symbol file or image, whole. */
export interface Beside {
  name: string;
  bytes: Uint8Array;
}

export type ToWorker =
  | { type: "start"; wasm: ArrayBuffer }
  | { type: "knowledge"; knowledge: ArrayBuffer }
  | { type: "formats"; wasm: ArrayBuffer }
  | { type: "disasm"; wasm: ArrayBuffer }
  | { type: "later"; wasm: ArrayBuffer }
  | { type: "open"; id: number; name: string; size: number; blob?: Blob; symbols?: Beside[] }
  | { type: "bytes"; id: number; read: number; bytes?: Uint8Array; error?: ReadError }
  | { type: "cancel"; id: number }
  | { type: "render"; id: number; call: number; format: Format; redact: boolean }
  | { type: "command"; id: number; call: number; line: string }
  | { type: "memory"; id: number; call: number; place: string; physical: boolean; length: number }
  | { type: "code"; id: number; call: number; place: string }
  | { type: "lookup"; call: number; line: string }
  | { type: "stop"; id: number; call: number };

export type FromWorker =
  | { type: "ready" }
  | { type: "read"; id: number; read: number; offset: number; length: number }
  | { type: "progress"; id: number; progress: Progress }
  | { type: "report"; id: number; report: Report }
  | { type: "remade"; id: number; report: Report } // a question found what the report lacked
  | { type: "fault"; id: number; fault: Fault }
  | { type: "told"; call: number; progress: Progress }
  | { type: "reply"; call: number; text: string }
  | { type: "shown"; call: number; shown: Shown }
  | { type: "listing"; call: number; listing: Listing }
  | { type: "answers"; call: number; answers: Answer[] }
  | { type: "refusal"; call: number; message: string };

/** What went wrong with a read: the DOMException's name and text. */
export interface ReadError {
  name: string;
  message: string;
}

export function readError(error: unknown): ReadError {
  if (error instanceof Error || error instanceof DOMException) {
    return { name: error.name, message: error.message };
  }
  return { name: "Error", message: String(error) };
}

/** Whether a failed read means that the file under the handle is no longer what was dropped. */
export function isGone(error: ReadError): boolean {
  // Firefox calls it aborted, and nobody aborts a read here.
  return ["NotReadableError", "NotFoundError", "AbortError"].includes(error.name);
}
