// Something went wrong outside the dump: what, and what to do.
import type { Fault } from "../engine/protocol";
import type { Picked } from "../files/pick";
import type { Report } from "../report";
import { plural } from "../format/number";

/** A fault in sentences. */
export interface Wording {
  title: string;
  text: string;
  /** Whether the same again may work. */
  again: boolean;
  /** A report is there all the same. */
  partial?: boolean;
}

/** Why a report on show is not whole; `stopped`: the user wished so. */
export function shortfall(report: Report, stopped: boolean): Wording | null {
  const note = (code: string): string | undefined =>
    report.notes?.find((note) => note.code === code)?.text;
  const unread = note("read-failed");
  // What the user ended was not read either, and that is not the file's fault.
  if (stopped && (unread ?? note("stopped-early"))) {
    return {
      title: "Stopped: this report is not whole",
      text: "What had not been read by then is missing below, and may change what is concluded.",
      again: true,
      partial: true,
    };
  }
  if (!unread) return null;
  const title = "Part of the file could not be read: this report is not whole";
  return { title, text: unread, again: true, partial: true };
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

/** Why there is nothing to analyse in what was dropped or chosen. `symbols` are kept for a dump. */
export function nothingIn(picked: Picked, passedOver: number, symbols: readonly File[]): Wording {
  const [first] = symbols;
  if (first) {
    const rest = symbols.length - 1;
    const what = rest
      ? `${first.name} and ${plural(rest, "other", "others")} are`
      : `${first.name} is`;
    return {
      title: "Now drop the dump",
      text: `${what} kept for it: symbol files and images of drivers are read together with the dump they belong to.`,
      again: false,
    };
  }
  const archive = picked.files.find(({ name }) => /\.zip$/i.test(name));
  if (archive) {
    const left = passedOver
      ? ` ${plural(passedOver, "member")} could not be unpacked here: encrypted, packed in an unusual way, damaged, or more than this browser can hold.`
      : " None of its members is called .dmp, .mdmp or .hdmp.";
    return {
      title: `No dump could be taken out of ${archive.name}`,
      text: `${left.trim()} Unpack it, then drop the dump itself: whatever is dropped by itself is read, whatever it is called.`,
      again: false,
    };
  }
  const found = passedOver
    ? `${passedOver === 1 ? "The one file" : `None of the ${plural(passedOver, "file")}`} in it is ${passedOver === 1 ? "not " : ""}called .dmp, .mdmp, .hdmp, .kdmp, .core or .zip.`
    : "It is empty, or this browser may not look into it: folders of Windows need administrator rights.";
  return {
    title: "No dump was found in what was dropped",
    text: `${found} Drop the dump itself: a file that is dropped by itself is read, whatever it is called.`,
    again: false,
  };
}
