// Words for what stands in the registry, and the answers of the console's `!reg rows`.
import type { RegistryValue } from "../report";

/** Keys of the report by what they tell, in the order in which they are read. */
const TOPICS: [title: string, key: RegExp][] = [
  ["Computer and time", /\\(ComputerName|TimeZoneInformation)(\\|$)/i],
  ["How the machine writes dumps", /\\CrashControl$/i],
  ["Memory settings", /\\Memory Management$/i],
  ["What the host tells this guest", /\\Virtual Machine\\Guest\\/i],
  ["Virtual machine", /\\Virtual Machine(\\|$)/i],
  ["Integration services", /\\Services\\(?!mssmbios)/i],
  ["Firmware and processor", /\\(HARDWARE|SystemInformation|mssmbios)(\\|$)/i],
];

export interface Topic {
  title: string;
  keys: { key: string; values: RegistryValue[] }[];
}

/** The values by topic and key. */
export function topics(values: RegistryValue[]): Topic[] {
  const found = new Map<string, Topic>();
  for (const [title] of [...TOPICS, ["Other keys"]] as [string][])
    found.set(title, { title, keys: [] });
  for (const value of values) {
    const title = TOPICS.find(([, pattern]) => pattern.test(value.key))?.[0] ?? "Other keys";
    const { keys } = found.get(title) as Topic;
    const last = keys.find(({ key }) => key === value.key);
    if (last) last.values.push(value);
    else keys.push({ key: value.key, values: [value] });
  }
  return [...found.values()].filter(({ keys }) => keys.length > 0);
}

const START = ["by the boot loader", "at system start", "automatically", "when needed", "never"];
const DUMP = ["no dump", "complete", "kernel", "small", "", "", "", "automatic"];

/** What a number means, where it is a code. */
export function meaning({ key, name, data }: RegistryValue, all: RegistryValue[]): string {
  const number = Number(data);
  if (data === undefined || !Number.isInteger(number))
    return name === "PagingFiles" ? sizes(data) : "";
  if (name === "CrashDumpEnabled") {
    const filters = all.some((value) => value.name === "FilterPages" && value.data === "1");
    return number === 1 && filters ? "active" : (DUMP[number] ?? "");
  }
  if (name === "Start" && /\\Services\\/i.test(key)) return `starts ${START[number] ?? "?"}`;
  if (name === "VirtualMachineDynamicMemoryBalancingEnabled") {
    return number ? "Dynamic Memory is on" : "Dynamic Memory is off";
  }
  return /^(AutoReboot|Overwrite|LogEvent|AlwaysKeepMemoryDump|ClearPageFileAtShutdown|FilterPages)$/.test(
    name ?? "",
  )
    ? number
      ? "yes"
      : "no"
    : "";
}

/** `path minimum maximum`, in MiB; two zeros leave the size to Windows. */
function sizes(data: string | undefined): string {
  if (!data) return "";
  return data
    .split("; ")
    .flatMap((file) => {
      const [, from, to] = / (\d+) (\d+)$/.exec(file) ?? [];
      if (from === undefined || to === undefined) return [];
      return from === "0" && to === "0" ? "sized by Windows" : `${from} to ${to} MiB`;
    })
    .join("; ");
}

/** A hive, or a key below it. */
export interface Branch {
  name: string;
  /** Of the hive, in hexadecimal digits. */
  hive: string;
  /** Of the key; absent where it cannot be read. */
  cell?: string;
  subkeys?: number;
  file?: string;
  gap?: string;
}
export interface Held {
  kind: string;
  name: string;
  data?: string;
  gap?: string;
}
export interface KeyRows {
  written?: string;
  subkeys: number;
  values: number;
  branches: Branch[];
  held: Held[];
  /** Why the key, others of its subkeys, others of its values cannot be read. */
  gap?: string;
  branchGap?: string;
  heldGap?: string;
}

/** The lines: what each is, and its text. */
function lines(answer: string): [letter: string, text: string][] {
  return answer.split("\n").flatMap((line) => {
    const [, letter, text] = /^([a-z])(?: (.*))?$/.exec(line) ?? [];
    return letter ? [[letter, text ?? ""] as [string, string]] : [];
  });
}

/** Sentences beside the lines. */
export function remarks(answer: string): string[] {
  return answer.split("\n").filter((line) => line !== "" && !/^[a-z](?: |$)/.test(line));
}

export function hives(answer: string): Branch[] {
  const list: Branch[] = [];
  for (const [letter, text] of lines(answer)) {
    const last = list.at(-1);
    if (letter === "h") list.push({ name: "", hive: text });
    else if (!last) continue;
    else if (letter === "n") last.name = text;
    else if (letter === "f") last.file = text;
    else if (letter === "r") last.cell = text;
    else if (letter === "g") last.gap = text;
  }
  return list;
}

export function keyRows(answer: string, hive: string): KeyRows {
  const key: KeyRows = { subkeys: 0, values: 0, branches: [], held: [] };
  let last: Branch | Held | null = null;
  for (const [letter, text] of lines(answer)) {
    if (letter === "t") key.written = text;
    else if (letter === "c")
      [key.subkeys, key.values] = text.split(" ").map(Number) as [number, number];
    else if (letter === "k") {
      const [cell = "", subkeys = "0"] = text.split(" ");
      last = { name: "", hive, cell, subkeys: Number(subkeys) };
      key.branches.push(last);
    } else if (letter === "v") {
      last = { kind: text, name: "" };
      key.held.push(last);
    } else if (letter === "s") key.branchGap = text;
    else if (letter === "w") key.heldGap = text;
    else if (letter === "n" && last) last.name = text;
    else if (letter === "d" && last && "kind" in last) last.data = text;
    else if (letter === "g") (last ?? key).gap = text;
  }
  return key;
}
