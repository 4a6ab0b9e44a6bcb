// Something went wrong outside the dump: what, and what to do.
import type { Fault } from "../engine/protocol";

/** A fault in sentences. */
export interface Wording {
  title: string;
  text: string;
  /** Whether the same again may work. */
  again: boolean;
}

export function worded({ code, message }: Fault): Wording {
  const said = message ? ` It says: ${message.replace(/[.\s]+$/, "")}.` : "";
  switch (code) {
    case "file-gone":
      return {
        title: "The browser cannot read this file any more",
        text:
          "It is perhaps still being written, was changed or moved after it was dropped, needs " +
          "administrator rights, or is a placeholder of a cloud drive. Copy it to a local folder, " +
          `then drop the copy.${said}`,
        again: false,
      };
    case "read-failed":
      return {
        title: "The file could not be read",
        text: `A part of it could not be fetched. Copy it to a local disk, then open the copy.${said}`,
        again: true,
      };
    case "analyzer-stopped":
      return {
        title: "The analyzer gave up on this file",
        text: `That is a defect of the analyzer, not of the machine. The page itself still works.${said}`,
        again: true,
      };
    case "not-started":
      return {
        title: "The analyzer could not be started here",
        text:
          "The browser may be too old, or the policy of the page around this one forbids " +
          `workers from blob: addresses or WebAssembly.${said}`,
        again: true,
      };
    case "worker-lost":
      return {
        title: "The analyzer has ended",
        text: `It was stopped, or the browser ended it, perhaps for want of memory.${said}`,
        again: true,
      };
  }
}
