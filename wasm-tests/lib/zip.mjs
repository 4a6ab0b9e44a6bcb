// Writes a zip archive: as few fields as a reader needs.

import { deflateRawSync } from "node:zlib";

/** `members`: name → bytes. Every second member is stored, the others are deflated. */
export function zip(members) {
  const locals = [];
  const central = [];
  let offset = 0;
  for (const [index, [name, bytes]] of Object.entries(members).entries()) {
    const packed = index % 2 === 1 ? bytes : deflateRawSync(bytes);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(packed === bytes ? 0 : 8, 4);
    common.writeUInt32LE(0x58210000, 6);
    // The checksum, which no reader here looks at, stays 0.
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const place = Buffer.alloc(4);
    place.writeUInt32LE(offset);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, Buffer.from(name), packed]);
    const version = Buffer.from([20, 0]);
    const entry = [Buffer.from("PK\x01\x02"), version, common, Buffer.alloc(10), place];
    central.push(...entry, Buffer.from(name));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(locals.length, 8);
  end.writeUInt16LE(locals.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}
