// The tables as blocks of bytes, in the form that crate/core/src/knowledge/store/unpack.rs reads;
// that file tells it. Words that come often are replaced by codes, and names begin like the name
// above them, which makes the packed block a quarter smaller than a packer alone would. Two blocks, one behind the other, are one block again.

import { readdir, readFile } from "node:fs/promises";
import { join, sep } from "node:path";

const TABLE = 1;
/** Behind this there is nothing between the last character and the coded word. */
const JOINED = 2;
/** What follows is another section, with words of its own. */
const SECTION_ENDS = 3;
/** Behind this a name has as many words of the name above as this says, less `SHARES` itself. */
const SHARES = 0x0f;
const MOST_SHARED = 12;
/** Codes from here on stand for a word: first those of one byte, then those of two. */
const FIRST_CODE = 0x80;
const SHORT_CODES = 112;
const SECOND_FIRST = 0x42;
const SECONDS = 0x100 - SECOND_FIRST;
const MOST_WORDS = SHORT_CODES + (0x100 - FIRST_CODE - SHORT_CODES) * SECONDS;
/** A rarer word is cheaper written out. */
const OFTEN = 3;

/** What most names of a table begin with: it is left out, and put back by the reader. */
const PREFIXES = { "hresult.txt": "", "ntstatus.txt": "STATUS_", "win32.txt": "ERROR_" };

/** What is told to people: stop codes, status names, drivers, advice. */
export async function packKnowledge(root) {
  const tables = await read(root, (path) => !isLayout(path));
  // Names and sentences have few words in common.
  const isNames = ({ path }) => PREFIXES[path] !== undefined;
  const names = pack(tables.filter(isNames));
  return Buffer.concat([names, pack(tables.filter((table) => !isNames(table)))]);
}

/** Where the structures of each kernel stand. */
export async function packLayouts(root) {
  return pack(await read(root, isLayout));
}

const isLayout = (path) => path.startsWith("layout/");

/** The tables whose path is wanted, in order. */
async function read(root, wanted) {
  const data = join(root, "crate/core/data");
  const entries = await readdir(data, { recursive: true });
  const paths = entries
    .filter((path) => path.endsWith(".txt"))
    .map((path) => path.split(sep).join("/"))
    .filter(wanted);
  const texts = paths.sort().map(async (path) => ({
    path,
    text: withoutHead(await readFile(join(data, path), "utf8")),
  }));
  return Promise.all(texts);
}

/** A table without its comments, which are for whoever edits it. */
function withoutHead(text) {
  return text.replace(/^#.*\n/gm, "").replace(/\n\n+/g, "\n");
}

/** One section: its words, an empty line, its tables, and the mark of its end. */
function pack(tables) {
  for (const { path, text } of tables) {
    if (/[^\n\x20-\x7e]/.test(text)) throw new Error(`${path} holds more than plain ASCII`);
  }
  const bare = tables.map(({ path, text }) => ({ path, text: counted(path, text) }));
  const words = vocabulary(bare.map(({ text }) => text));
  const codes = new Map(words.map((word, index) => [word, index]));
  const bytes = [...Buffer.from(words.map((word) => `${word}\n`).join("") + "\n")];
  for (const { path, text } of bare) {
    bytes.push(TABLE, ...Buffer.from(`${path}\n`));
    encode(text, codes, bytes);
  }
  bytes.push(SECTION_ENDS);
  return Buffer.from(bytes);
}

/**
 * A table of numbers and names, without what the line before lets one guess: `5 STATUS_NAME` is
 * `NAME` behind a line with 4, `2 NAME` behind one with 2 (two are passed over), and a name with
 * another beginning is marked with `!`. The words that a name shares with the beginning of the one
 * above it are a byte that counts them. The first line is the usual beginning.
 */
function counted(path, text) {
  const prefix = PREFIXES[path];
  if (prefix === undefined) return text;
  let next = 0;
  let above = [];
  const lines = text.split("\n").map((line) => {
    const [, digits, name] = /^([0-9A-F]+) (.+)$/.exec(line) ?? [];
    if (!name) {
      next = 0;
      return line;
    }
    const number = Number.parseInt(digits, 16);
    const gap = number === next ? "" : `${(number - next).toString(16).toUpperCase()} `;
    next = number + 1;
    const words = (name.startsWith(prefix) ? name.slice(prefix.length) : `!${name}`).split("_");
    const most = Math.min(MOST_SHARED, words.length - 1);
    let shared = 0;
    while (shared < most && words[shared] === above[shared]) shared++;
    above = words;
    return (
      gap + (shared ? String.fromCharCode(SHARES + shared) : "") + words.slice(shared).join("_")
    );
  });
  return `${prefix}\n${lines.join("\n")}`;
}

/** The words that come often; those that come most often first, the others in order. */
function vocabulary(texts) {
  const counts = new Map();
  for (const text of texts) {
    for (const [word] of text.matchAll(WORD)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const often = [...counts]
    .filter(([, count]) => count >= OFTEN)
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .map(([word]) => word)
    .slice(0, MOST_WORDS);
  return [...often.slice(0, SHORT_CODES).sort(), ...often.slice(SHORT_CODES).sort()];
}

const WORD = /[A-Za-z][A-Za-z0-9]+/g;

/** What the reader puts in front of a coded word, going by the character that stands there. */
function between(last, word) {
  if (/[\n_!\x10-\x1f]/.test(last)) return "";
  return isCapital(last) && isCapital(word[0]) ? "_" : " ";
}

const isCapital = (character) => character >= "A" && character <= "Z";

/** Appends `text`, words as codes where they have one. */
function encode(text, codes, bytes) {
  let last = "\n";
  for (const [, gap, word, other] of text.matchAll(/([ _]?)([A-Za-z][A-Za-z0-9]+)|([^])/g)) {
    const index = word === undefined ? undefined : codes.get(word);
    if (index === undefined) {
      bytes.push(...Buffer.from(other ?? gap + word));
    } else {
      if (gap !== between(last, word)) bytes.push(...Buffer.from(gap), JOINED);
      bytes.push(...codeOf(index));
    }
    last = (other ?? word).at(-1);
  }
}

function codeOf(index) {
  if (index < SHORT_CODES) return [FIRST_CODE + index];
  const rest = index - SHORT_CODES;
  return [FIRST_CODE + SHORT_CODES + Math.floor(rest / SECONDS), SECOND_FIRST + (rest % SECONDS)];
}
