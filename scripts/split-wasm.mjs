// Splits the analyzer's WebAssembly in two: what most reports need, and what only a question
// needs (the console, the renderings, the search over the tables) or a rare kind of dump, which the
// page loads when one is asked or opened. The second module shares memory, table and stack with the first; a call from the first
// into the second goes through the table, and before the second is there it throws what
// `part_missing` in crate/wasm throws.
//
// Constants go with the code: what only the second part's functions name (texts, and tables of texts)
// becomes data of the second, which it lays into the shared memory when it is loaded.
//
// The first keeps everything that it can reach without passing a gate: a function of one of the
// rooms below. All else, and the gates themselves, goes into the second; so a generic function that
// only the console instantiates goes with it, whatever it is called.
//
// Usage: node scripts/split-wasm.mjs NAMED.wasm FIRST.wasm SECOND.wasm --enable-FEATURE...
// The input still has its names, that is: it comes before wasm-opt.

import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const tools = new URL("../node_modules/.bin/", import.meta.url).pathname;
// Those that wasm-opt is given in scripts/wasm.
const features = process.argv.slice(5);

/** Rooms that no report needs: what begins with one of these is a gate. */
const ROOMS = /^<?(?:\w+ as )?bluepane::(?:console|report|knowledge::lookup)::/;
/**
 * Readers that few dumps need: programs' minidumps, ARM64's unwind codes, epilogues by those of x64, the
 * chain of frame pointers of 32-bit code, records of hardware errors, blocks of pool that a stop code accuses, what watchdogs wrote down, symbol files.
 * So is what writes fractions: no report has had one in its texts so far.
 * A report that comes to need one is begun again with both parts, which costs a tenth of a second.
 */
const RARE = new RegExp(
  String.raw`^(?:analyzer_add_symbols$|core(?:\[\w+\])?::num::flt2dec::strategy::(?:dragon|grisu)::format_\w+|<?(?:\w+ as )?bluepane::(?:container::user_minidump::read|` +
    String.raw`image::unwind::arm64|image::unwind::x64::by_pushes|stack::chain|nt::hardware_error|diagnose::(?:hardware::(?:told|section)|pool::told|` +
    String.raw`blame::(?:verifier::led_to|rules::graphics))|` +
    String.raw`nt::pool_block|nt::watchdog::Triage)(?:::|$))`,
);
/** Methods of the analyzer that are called when a report is there. */
const METHODS = /^(?:analyzer_(?:text|markdown|html|json)|look_up)$/;
/** What a report uses of those rooms. */
const KEPT =
  /^bluepane::(?:console::(?:knows|COMMANDS)|knowledge::lookup::follow|report::format::\w+(?:::\w+)*|report::stop)(?:::h[0-9a-f]{16})?$/;

/**
 * Where a panic of Rust ends. The browser shows nothing of its message, so that what writes it
 * would be carried for nobody: these functions stop at once, as they did after writing.
 */
const PANICS = new RegExp(
  String.raw`^<?(?:core|alloc)(?:\[\w+\])?::(?:panicking::|cell::(?:\w+::)?panic_|` +
    String.raw`(?:option|result)::(?:expect|unwrap)_failed|slice::[\w:]*_fail\b|` +
    String.raw`slice::[\w:]*panic_on_ord|str::slice_error_fail|vec::.*::assert_failed|` +
    String.raw`num::from_ascii_radix_panic|raw_vec::(?:capacity_overflow|handle_error)|` +
    String.raw`alloc::handle_alloc_error)`,
);

const isGate = (name) =>
  RARE.test(name) || ((ROOMS.test(name) || METHODS.test(name)) && !KEPT.test(name));

/** A name in the text format: with quotes where it holds more than word characters. */
const NAME = String.raw`\$(?:"(?:[^"\\]|\\.)*"|[^\s()"]+)`;
const plain = (name) => name.slice(1).replace(/^"(.*)"$/, "$1");

/** The text of a module: its functions with what each calls, and the lines around them. */
function parse(text) {
  const functions = new Map();
  const fields = {
    type: [],
    import: [],
    global: [],
    memory: [],
    data: [],
    table: [],
    elem: [],
    export: [],
  };
  let open = null;
  const calls = new RegExp(String.raw`\((?:return_call|call|ref\.func) (${NAME})`, "g");
  for (const line of text.split("\n")) {
    if (open) {
      open.lines.push(line);
      for (const [, name] of line.matchAll(calls)) open.calls.add(name);
      if (line === " )") open = null;
      continue;
    }
    const [, kind] = /^ \((\w+) /.exec(line) ?? [];
    if (kind === "func") {
      const [name] = new RegExp(NAME).exec(line);
      open = { name, lines: [line], calls: new Set() };
      functions.set(name, open);
    } else if (kind) {
      if (!fields[kind]) throw new Error(`a module with a ${kind} cannot be split`);
      fields[kind].push(line);
    }
  }
  return { functions, ...fields };
}

/** Takes the writing of messages out of panics. */
function stopAtOnce(module) {
  for (const found of module.functions.values()) {
    if (!PANICS.test(plain(found.name))) continue;
    found.calls.clear();
    found.lines = [found.lines[0], "  (unreachable)", " )"];
  }
}

/** `[exported as, name]` of the fields of one kind that are exported. */
function exported(module, kind) {
  const pattern = new RegExp(String.raw`^ \(export "([^"]*)" \(${kind} (${NAME})\)\)`);
  return module.export.flatMap((line) => {
    const [, as, name] = pattern.exec(line) ?? [];
    return name ? [[as, name]] : [];
  });
}

/** The functions that stay: everything within reach of what the browser or the table can call. */
function firstPart(module, entries) {
  const reached = new Set();
  const left = [...entries];
  while (left.length) {
    const name = left.pop();
    const found = module.functions.get(name);
    if (!found || reached.has(name) || isGate(plain(name))) continue;
    reached.add(name);
    left.push(...found.calls);
  }
  return reached;
}

/** `(param i32) (result i32)` of a function, and how many parameters it has. */
function signature(header) {
  const params = [...header.matchAll(/\(param \$?\S+ (\w+)\)/g)].map(([, type]) => type);
  const result = /\(result [^)]*\)/.exec(header)?.[0] ?? "";
  const typed = params.length ? `(param ${params.join(" ")}) ${result}` : result;
  return { typed, count: params.length };
}

const [, , input, first, second] = process.argv;
const wat = (path) => `${path}.wat`;
execFileSync(join(tools, "wasm-dis"), [...features, input, "-o", wat(first)]);
const module = parse(readFileSync(wat(first), "utf8"));

stopAtOnce(module);

const [elements] = module.elem;
const [, size] = /^ \(table \$0 (\d+) \d+ funcref\)/.exec(module.table[0] ?? "") ?? [];
if (module.elem.length !== 1 || !size) throw new Error("one table of functions was expected");
const listed = elements.slice(elements.indexOf(" func ")).match(new RegExp(NAME, "g"));
const functionExports = exported(module, "func");
const missing = functionExports.find(([as]) => as === "part_missing")?.[1];
if (!missing) throw new Error("crate/wasm must export part_missing");

const kept = firstPart(module, [...listed, ...functionExports.map(([, name]) => name)]);
const moved = [...module.functions.values()].filter(({ name }) => !kept.has(name));

// Gates that something in the first part can come to: each has a place in the table.
const wanted = new Set([...listed, ...functionExports.map(([, name]) => name)]);
for (const name of kept) for (const called of module.functions.get(name).calls) wanted.add(called);
const gates = moved.filter(({ name }) => wanted.has(name));
const place = new Map(gates.map(({ name }, index) => [name, Number(size) + index]));

/** What stands in the first part for a gate. */
function standIn({ name, lines: [header] }) {
  const { typed, count } = signature(header);
  const given = Array.from({ length: count }, (_, index) => `(local.get ${index})`).join(" ");
  const at = `(i32.const ${place.get(name)})`;
  return `${header}
  (if (ref.is_null (table.get $0 ${at})) (then (call ${missing})))
  (call_indirect $0 ${typed} ${given} ${at})
 )`;
}

// What the second part takes from the first, under names that the first exports.
const bodies = moved.flatMap(({ lines }) => lines);
const used = new Set(bodies.join("\n").match(new RegExp(NAME, "g")));
const exports = [];
const imports = [];
let number = 0;
/** Exports a field of the first part, unless it is, and imports it into the second. */
function share(kind, name, type) {
  let as = exported(module, kind).find(([, other]) => other === name)?.[0];
  if (as === undefined) {
    as = `_${(number++).toString(36)}`;
    exports.push(` (export "${as}" (${kind} ${name}))`);
  }
  imports.push(` (import "first" "${as}" (${kind} ${name} ${type}))`);
}

const total = Number(size) + gates.length;
const table = ` (table $0 ${total} ${total} funcref)`;
share("table", "$0", `${total} ${total} funcref`);
share("memory", /\$\S+/.exec(module.memory[0])[0], /\$\S+ ([\d ]+)/.exec(module.memory[0])[1]);
for (const line of module.global) {
  const [, name, type] = new RegExp(String.raw`^ \(global (${NAME}) (\(mut \w+\)|\w+)`).exec(line);
  if (used.has(name)) share("global", name, type);
}
for (const line of module.table.slice(1)) {
  const [, name, type] = new RegExp(String.raw`^ \(table (${NAME}) (.*)\)$`).exec(line);
  if (used.has(name)) share("table", name, type);
}
for (const line of module.import) {
  const [, name, type] = new RegExp(String.raw`\(func (${NAME})(.*)\)\)$`).exec(line);
  if (used.has(name)) share("func", name, type);
}
for (const name of kept) {
  if (used.has(name)) share("func", name, signature(module.functions.get(name).lines[0]).typed);
}

/** A byte of a text in the text format: a pair of digits, an escape, or itself. */
const ESCAPES = { t: 9, n: 10, r: 13, '"': 34, "'": 39, "\\": 92 };
function bytesOf(text) {
  const bytes = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== "\\") {
      bytes.push(text.charCodeAt(at));
    } else if (/^[0-9a-f]{2}/i.test(text.slice(at + 1, at + 3))) {
      bytes.push(Number.parseInt(text.slice(at + 1, at + 3), 16));
      at += 2;
    } else {
      bytes.push(ESCAPES[text[++at]]);
    }
  }
  return bytes;
}

/** The constants of a module, each where it lies, in the order of their addresses. */
function constants(data) {
  const found = data.map((line) => {
    const [, name, at, text] =
      /^ \(data (?:\$(\S+) )?\(i32\.const (\d+)\) "(.*)"\)$/.exec(line) ?? [];
    if (text === undefined) throw new Error(`a segment is not understood: ${line.slice(0, 80)}`);
    return { name: name ?? "", at: Number(at), bytes: bytesOf(text), second: false };
  });
  return found.sort((one, other) => one.at - other.at);
}

/** Numbers in code that may be addresses: constants, and offsets of loads and stores. */
function numbers(bodies) {
  const found = new Set();
  for (const line of bodies) {
    for (const [, number] of line.matchAll(/(?:i32\.const |offset=)(\d+)/g))
      found.add(Number(number));
  }
  return [...found].sort((one, other) => one - other);
}

/** So far before a constant an address may lie that stands for it: a place before the first of a table. */
const BEFORE = 64;
/** Shorter stretches stay where they are: to cut them out costs as much. */
const SHORT = 16;

/** Whether the bytes are mostly text, as names, sentences and patterns of sentences are. */
function isText({ bytes }) {
  return bytes.filter((byte) => byte >= 0x20 && byte !== 0x7f).length * 10 >= bytes.length * 6;
}

/** Marks the constants that nothing in the first part can come to. */
function shareOut(segments, first, second) {
  const within = (address) => {
    let [low, high] = [0, segments.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (segments[middle].at <= address) low = middle + 1;
      else high = middle;
    }
    const found = segments[low - 1];
    return found && address < found.at + found.bytes.length ? found : undefined;
  };
  const words = ({ at, bytes }) => {
    const found = [];
    for (let i = (4 - (at % 4)) % 4; i + 4 <= bytes.length; i += 4) {
      found.push(bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24));
    }
    return found;
  };
  // From what may change, and from all that the first part's code may mean, to what those lead to.
  const kept = new Set();
  const left = segments.filter(({ name }) => !name.startsWith(".rodata"));
  const end = segments.at(-1).at + segments.at(-1).bytes.length;
  for (const address of first.filter((n) => n + BEFORE >= segments[0].at && n < end)) {
    for (let at = address; at <= address + BEFORE;) {
      const found = within(at) ?? segments.find((segment) => segment.at >= at);
      if (!found || found.at > address + BEFORE) break;
      left.push(found);
      at = found.at + found.bytes.length;
    }
  }
  while (left.length) {
    const segment = left.pop();
    if (kept.has(segment)) continue;
    kept.add(segment);
    for (const word of words(segment)) {
      const found = within(word);
      if (found) left.push(found);
    }
  }
  // What is left must be named by the second part, at its very beginning; tables lead to texts.
  const starts = new Map(segments.map((segment) => [segment.at, segment]));
  const named = second.map((address) => starts.get(address)).filter(Boolean);
  while (named.length) {
    const segment = named.pop();
    if (kept.has(segment) || segment.second) continue;
    const leads = words(segment).map((word) => starts.get(word));
    const table = leads.filter(Boolean).length * 3 >= leads.length;
    if (!isText(segment) && !table) continue;
    segment.second = true;
    named.push(...leads.filter(Boolean));
  }
}

/** Lines of the constants of one part, those beside one another as one. */
function laid(segments, second) {
  const runs = [];
  for (const segment of segments) {
    const last = runs.at(-1);
    const gap = last ? segment.at - (last.at + last.bytes.length) : 0;
    if (last && last.second === segment.second && gap >= 0 && gap < SHORT) {
      last.bytes.push(...new Array(gap).fill(0), ...segment.bytes);
    } else {
      runs.push({ at: segment.at, bytes: [...segment.bytes], second: segment.second });
    }
  }
  const hex = (byte) => `\\${byte.toString(16).padStart(2, "0")}`;
  return runs
    .filter((run) => run.second === second)
    .map((run) => ` (data (i32.const ${run.at}) "${run.bytes.map(hex).join("")}")`);
}

const segments = constants(module.data);
shareOut(
  segments,
  numbers([...kept].flatMap((name) => module.functions.get(name).lines)),
  numbers(bodies),
);
// What would be cut into crumbs stays.
for (let from = 0; from < segments.length;) {
  let to = from;
  let bytes = 0;
  while (to < segments.length && segments[to].second === segments[from].second) {
    bytes += segments[to++].bytes.length;
  }
  if (segments[from].second && bytes < SHORT) {
    for (const segment of segments.slice(from, to)) segment.second = false;
  }
  from = to;
}
const weight = (of) => of.reduce((sum, { bytes }) => sum + bytes.length, 0);

const lines = (names) => [...names].flatMap((name) => module.functions.get(name).lines);
const write = (path, fields) => {
  writeFileSync(wat(path), ["(module", ...fields.flat(2), ")", ""].join("\n"));
  execFileSync(join(tools, "wasm-as"), [...features, "-g", wat(path), "-o", path]);
  rmSync(wat(path));
};
write(first, [
  [module.type, module.import, module.global, module.memory, laid(segments, false)],
  [table, module.table.slice(1), module.elem, module.export, exports],
  [lines(kept), gates.map(standIn)],
]);
write(second, [
  [module.type, imports],
  laid(segments, true),
  ` (elem $0 (table $0) (i32.const ${size}) func ${gates.map(({ name }) => name).join(" ")})`,
  bodies,
]);
console.error(
  `split: ${kept.size} functions first, ${moved.length} second behind ${gates.length} gates;` +
    ` ${weight(segments.filter(({ second }) => second))} of ${weight(segments)} bytes of constants second`,
);
