// Memory in lines of sixteen bytes; lines without a single byte are drawn together, with the reason.
import type { Shown } from "../report";

const LINE = 16;

export interface Line {
  /** The first address of the line, and the last. */
  from: bigint;
  last: bigint;
  /** Why nothing of it is there; empty where something is. */
  hole: string;
  hex: string;
  text: string;
  pointers: Shown["pointers"];
  /** Why parts of it are missing. */
  reasons: string[];
}

/** The lines of what is shown. */
export function lines(shown: Shown): Line[] {
  const start = BigInt(shown.start);
  const list: Line[] = [];
  for (let offset = 0; offset < shown.bytes.length / 2; offset += LINE) {
    const bytes = shown.bytes.slice(offset * 2, (offset + LINE) * 2).match(/../g) ?? [];
    const from = start + BigInt(offset);
    const last = from + BigInt(bytes.length - 1);
    const reasons = shown.gaps
      .filter((gap) => {
        const at = BigInt(gap.address);
        return at <= last && from < at + BigInt(gap.bytes);
      })
      .map((gap) => gap.text);
    const blank = bytes.every((byte) => byte === "??");
    const hole = blank ? reasons.join("; ") : "";
    const before = list.at(-1);
    if (blank && before?.hole === hole && hole) {
      before.last = last;
      continue;
    }
    list.push({
      from,
      last,
      hole,
      hex: hex(bytes),
      text: bytes.map(character).join(""),
      pointers: shown.pointers.filter(({ offset: at }) => offset <= at && at < offset + LINE),
      reasons: blank ? [] : reasons,
    });
  }
  return list;
}

/** One line as a debugger prints it. */
export function line(one: Line, shown: Shown): string {
  const address = one.from.toString(16).padStart(shown.pointer * 2, "0");
  if (one.hole) return `${address}  ?? (${one.hole})`;
  return `${address}  ${one.hex.padEnd(LINE * 3 - 1)}  ${one.text}`;
}

function hex(bytes: string[]): string {
  const half = (from: number): string => bytes.slice(from, from + LINE / 2).join(" ");
  return bytes.length > LINE / 2 ? `${half(0)}-${half(LINE / 2)}` : half(0);
}

function character(byte: string): string {
  if (byte === "??") return "?";
  const code = Number.parseInt(byte, 16);
  return code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : ".";
}
