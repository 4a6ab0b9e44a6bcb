// A zip of minidumps, opened in the page: its central directory is read, and each member that
// may be a dump is unpacked by the browser when its turn comes. Layout: PKWARE's APPNOTE,
// sections 4.3.7, 4.3.12 and 4.3.16. Encrypted members and other methods are counted, not read.
import type { Picked } from "./pick";

const END = 0x06054b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_SIZE = 22;
const CENTRAL_SIZE = 46;
const LOCAL_SIZE = 30;
/** The end record is followed by a comment of at most this many bytes. */
const LONGEST_COMMENT = 0xffff;
const MOST_MEMBERS = 2000;
const LARGEST_DIRECTORY = 8 << 20;
/** A member that unpacks to more than this is left alone: it would have to be held in memory. */
const LARGEST_MEMBER = 1 << 30;
const STORED = 0;
const DEFLATED = 8;

interface Member {
  name: string;
  method: number;
  packed: number;
  size: number;
  offset: number;
  modified: number;
  encrypted: boolean;
}

/** Opens the archives among the picked files, and tells which member is being unpacked; what is not an archive stays as it is. */
export async function openArchives(
  picked: Picked,
  unpacking: (name: string) => void,
): Promise<Picked> {
  const files: File[] = [];
  let passedOver = picked.passedOver;
  for (const file of picked.files) {
    const members = /\.zip$/i.test(file.name) ? await membersOf(file).catch(() => null) : null;
    if (members === null) {
      files.push(file);
      continue;
    }
    for (const member of members) {
      unpacking(`${member.name} from ${file.name}`);
      const opened = member.encrypted ? null : await unpackMember(file, member).catch(() => null);
      if (opened) files.push(opened);
      else passedOver++;
    }
  }
  return { files, passedOver };
}

async function view(file: Blob, start: number, length: number): Promise<DataView> {
  return new DataView(await file.slice(start, start + length).arrayBuffer());
}

/** Members that may be dumps, or null where this is no zip. */
async function membersOf(file: File): Promise<Member[] | null> {
  const tail = Math.min(file.size, END_SIZE + LONGEST_COMMENT);
  const end = await view(file, file.size - tail, tail);
  for (let at = end.byteLength - END_SIZE; at >= 0; at--) {
    if (end.getUint32(at, true) !== END) continue;
    const size = end.getUint32(at + 12, true);
    const start = end.getUint32(at + 16, true);
    if (size > LARGEST_DIRECTORY || start + size > file.size) return null;
    return directory(await view(file, start, size));
  }
  return null;
}

function directory(data: DataView): Member[] {
  const members: Member[] = [];
  let at = 0;
  while (at + CENTRAL_SIZE <= data.byteLength && members.length < MOST_MEMBERS) {
    if (data.getUint32(at, true) !== CENTRAL) break;
    const nameLength = data.getUint16(at + 28, true);
    const next = at + CENTRAL_SIZE + nameLength + data.getUint16(at + 30, true);
    if (at + CENTRAL_SIZE + nameLength > data.byteLength) break;
    const bytes = new Uint8Array(data.buffer, data.byteOffset + at + CENTRAL_SIZE, nameLength);
    const name = new TextDecoder().decode(bytes);
    if (/\.(dmp|mdmp|hdmp)$/i.test(name)) members.push(member(data, at, name));
    at = next + data.getUint16(at + 32, true);
  }
  return members;
}

function member(data: DataView, at: number, name: string): Member {
  const time = data.getUint16(at + 12, true);
  const date = data.getUint16(at + 14, true);
  return {
    name: name.replace(/^.*[\\/]/, ""),
    method: data.getUint16(at + 10, true),
    packed: data.getUint32(at + 20, true),
    size: data.getUint32(at + 24, true),
    offset: data.getUint32(at + 42, true),
    encrypted: (data.getUint16(at + 8, true) & 1) === 1,
    modified: new Date(
      (date >> 9) + 1980,
      ((date >> 5) & 15) - 1,
      date & 31,
      time >> 11,
      (time >> 5) & 63,
      (time & 31) * 2,
    ).getTime(),
  };
}

async function unpackMember(file: File, member: Member): Promise<File | null> {
  if (member.size > LARGEST_MEMBER || member.offset + LOCAL_SIZE > file.size) return null;
  const local = await view(file, member.offset, LOCAL_SIZE);
  if (local.byteLength < LOCAL_SIZE || local.getUint32(0, true) !== LOCAL) return null;
  const start = member.offset + LOCAL_SIZE + local.getUint16(26, true) + local.getUint16(28, true);
  const packed = file.slice(start, start + member.packed);
  const options = { lastModified: member.modified };
  if (member.method === STORED) return new File([packed], member.name, options);
  if (member.method !== DEFLATED) return null;
  return new File([await inflate(packed, member.size)], member.name, options);
}

/** A browser says only when it is asked that it had no room for so much. */
async function held(blob: Blob): Promise<Blob> {
  await blob.slice(-1).arrayBuffer();
  return blob;
}

/** Unpacks, and stops where the stream gives more than the directory promised. */
async function inflate(packed: Blob, size: number): Promise<Blob> {
  const stream = packed.stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const reader = stream.getReader();
  const pieces: BlobPart[] = [];
  let total = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return held(new Blob(pieces));
    total += value.byteLength;
    if (total > size) {
      await reader.cancel();
      throw new Error("the archive unpacks to more than it says");
    }
    pieces.push(value);
  }
}
