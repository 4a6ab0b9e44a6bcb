"""Makes a PDB of an ISF symbol file (the JSON that Volatility 3 reads), for readers that know PDBs only.

Usage: isf-to-pdb.py FILE.json.xz FOLDER   writes FOLDER/ntkrnlmp.pdb/GUIDAGE/ntkrnlmp.pdb and prints that path.

Layout of the container and of the records: Microsoft's microsoft-pdb repository and LLVM's "The PDB File Format". Only what
a reader of kernels needs is written: the info stream, types, public symbols and section headers; no hashes.
"""

import json
import lzma
import os
import struct
import sys
import uuid

BLOCK = 4096
FIRST_TYPE = 0x1000
NONE = 0xFFFF
# Basic types by the names that ISF gives them: CodeView's number.
BASIC = {
    "void": 0x03, "char": 0x70, "unsigned char": 0x20, "bool": 0x30, "short": 0x11, "unsigned short": 0x21,
    "long": 0x12, "unsigned long": 0x22, "int": 0x74, "unsigned int": 0x75, "long long": 0x13,
    "unsigned long long": 0x23, "wchar": 0x71, "float": 0x40, "double": 0x41,
}
LF_POINTER, LF_BITFIELD, LF_ARRAY, LF_STRUCTURE, LF_UNION = 0x1002, 0x1205, 0x1503, 0x1505, 0x1506
LF_ENUM, LF_FIELDLIST, LF_MEMBER, LF_ENUMERATE, LF_INDEX = 0x1507, 0x1203, 0x150D, 0x1502, 0x1404
FORWARD = 0x80
POINTER_64 = 0x1000C
PUBLIC = 3
S_PUB32 = 0x110E
# Field lists are cut here: a record has 16 bits for its length.
MOST_FIELDS = 60000


def number(value):
    if 0 <= value < 0x8000:
        return struct.pack("<H", value)
    if -0x80000000 <= value < 0:
        return struct.pack("<Hi", 0x8003, value)
    if 0 <= value <= 0xFFFFFFFF:
        return struct.pack("<HI", 0x8004, value)
    return struct.pack("<HQ", 0x800A, value & 0xFFFFFFFFFFFFFFFF)


def text(name):
    return name.encode() + b"\0"


def padded(record):
    """Pads with the leaf codes F3, F2, F1, which tell how many are left."""
    rest = -len(record) % 4
    return record + bytes(0xF0 + n for n in range(rest, 0, -1))


class Types:
    """The type stream. A named type is first declared, so that pointers to it have a number to name."""

    def __init__(self, isf):
        self.isf, self.records, self.made, self.named = isf, [], {}, {}
        for name, kind in isf["user_types"].items():
            self.named[name] = self.record(self.declaration(kind["kind"], name, FORWARD, 0, 0, 0))
        for name, enum in isf["enums"].items():
            self.named[name] = self.enum(name, enum)
        for name, kind in isf["user_types"].items():
            fields = [self.member(n, f) for n, f in sorted(kind["fields"].items(), key=lambda i: i[1]["offset"])]
            listed = self.fields(fields)
            self.record(self.declaration(kind["kind"], name, 0, len(fields), listed, kind["size"]))

    def record(self, body):
        if body not in self.made:
            self.made[body] = FIRST_TYPE + len(self.records)
            body_padded = padded(struct.pack("<H", 0) + body)[2:]
            self.records.append(struct.pack("<H", len(body_padded)) + body_padded)
        return self.made[body]

    @staticmethod
    def declaration(kind, name, flags, count, fields, size):
        count = min(count, 0xFFFF)
        if kind == "union":
            return struct.pack("<HHHI", LF_UNION, count, flags, fields) + number(size) + text(name)
        return struct.pack("<HHHIII", LF_STRUCTURE, count, flags, fields, 0, 0) + number(size) + text(name)

    def enum(self, name, enum):
        values = [padded(struct.pack("<HH", LF_ENUMERATE, PUBLIC) + number(v) + text(n)) for n, v in enum["constants"].items()]
        base = BASIC.get(enum["base"], 0x74)
        return self.record(struct.pack("<HHHII", LF_ENUM, len(values), 0, base, self.fields(values)) + text(name))

    def fields(self, entries):
        """A field list; a long one in pieces from the end, each naming the one behind it."""
        pieces, size = [[]], 0
        for entry in entries:
            if size + len(entry) > MOST_FIELDS:
                pieces.append([])
                size = 0
            pieces[-1].append(entry)
            size += len(entry)
        behind = b""
        for piece in reversed(pieces):
            index = self.record(struct.pack("<H", LF_FIELDLIST) + b"".join(piece) + behind)
            behind = struct.pack("<HHI", LF_INDEX, 0, index)
        return index

    def member(self, name, field):
        return padded(struct.pack("<HHI", LF_MEMBER, PUBLIC, self.of(field["type"])) + number(field["offset"]) + text(name))

    def size(self, kind):
        what = kind["kind"]
        if what == "array":
            return kind["count"] * self.size(kind["subtype"])
        if what in ("struct", "union", "class"):
            return self.isf["user_types"].get(kind["name"], {"size": 0})["size"]
        if what == "enum":
            return self.isf["enums"].get(kind["name"], {"size": 4})["size"]
        if what == "base":
            return self.isf["base_types"].get(kind["name"], {"size": 0})["size"]
        return 8

    def of(self, kind):
        what = kind["kind"]
        if what == "base":
            return BASIC.get(kind["name"], 0x03)
        if what == "pointer":
            return self.record(struct.pack("<HII", LF_POINTER, self.of(kind["subtype"]), POINTER_64))
        if what == "array":
            body = struct.pack("<HII", LF_ARRAY, self.of(kind["subtype"]), BASIC["unsigned long long"])
            return self.record(body + number(self.size(kind)) + text(""))
        if what == "bitfield":
            return self.record(struct.pack("<HIBB", LF_BITFIELD, self.of(kind["type"]), kind["bit_length"], kind["bit_position"]))
        return self.named.get(kind.get("name"), BASIC["void"])

    def stream(self):
        body = b"".join(self.records)
        head = struct.pack("<IIIII", 20040203, 56, FIRST_TYPE, FIRST_TYPE + len(self.records), len(body))
        return head + struct.pack("<HHIIiIiIiI", NONE, NONE, 4, 0x3FFFF, 0, 0, 0, 0, 0, 0) + body


def symbols(isf):
    """Public symbols, all in one section that begins at the image's first page."""
    out = []
    for name, symbol in isf["symbols"].items():
        if symbol["address"] < 0x1000:
            continue
        body = struct.pack("<HIIH", S_PUB32, 2, symbol["address"] - 0x1000, 1) + text(name)
        body += b"\0" * (-(len(body) + 2) % 4)
        out.append(struct.pack("<H", len(body)) + body)
    return b"".join(out)


def section(isf):
    end = max(s["address"] for s in isf["symbols"].values()) + 0x1000
    return struct.pack("<8sIIIIIIHHI", b".text", end, 0x1000, end, 0x1000, 0, 0, 0, 0, 0x68000020)


def info(pdb):
    guid = uuid.UUID(pdb["GUID"]).bytes_le
    head = struct.pack("<III", 20000404, 0, pdb["age"]) + guid
    return head + struct.pack("<IIIII", 0, 0, 1, 0, 0) + struct.pack("<I", 20140508)


def debug(pdb):
    """The stream that names the others; no modules, and an empty list of files."""
    head = struct.pack("<iIIHHHHHH", -1, 19990903, pdb["age"], NONE, 0x8E1D, NONE, 0, 5, 0)
    head += struct.pack("<IIIIIIII", 0, 0, 0, 4, 0, 0, 22, 0) + struct.pack("<HHI", 0, 0x8664, 0)
    streams = [NONE] * 5 + [6] + [NONE] * 5
    return head + b"\0" * 4 + struct.pack("<11H", *streams)


def container(streams):
    """Multi-stream file: superblock, two free-block maps, the streams, their directory, its map."""
    blocks, places = [b"", b"", b""], []

    def place(data):
        numbers = []
        for at in range(0, len(data), BLOCK):
            numbers.append(len(blocks))
            blocks.append(data[at : at + BLOCK])
        return numbers

    for stream in streams:
        places.append(place(stream))
    directory = struct.pack(f"<I{len(streams)}I", len(streams), *map(len, streams))
    directory += b"".join(struct.pack(f"<{len(p)}I", *p) for p in places)
    where = place(directory)
    table = place(struct.pack(f"<{len(where)}I", *where))[0]
    if len(blocks) > BLOCK:
        sys.exit("too large: further free-block maps would be needed")
    magic = b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0"
    blocks[0] = magic + struct.pack("<IIIIII", BLOCK, 1, len(blocks), len(directory), 0, table)
    return b"".join(block.ljust(BLOCK, b"\0") for block in blocks)


def convert(file, folder):
    with lzma.open(file) as f:
        isf = json.load(f)
    pdb = isf["metadata"]["windows"]["pdb"]
    empty = struct.pack("<IIIIIHHIIiIiIiI", 20040203, 56, FIRST_TYPE, FIRST_TYPE, 0, NONE, NONE, 4, 0x3FFFF, 0, 0, 0, 0, 0, 0)
    streams = [b"", info(pdb), Types(isf).stream(), debug(pdb), empty, symbols(isf), section(isf)]
    place = os.path.join(folder, "ntkrnlmp.pdb", f"{pdb['GUID'].upper()}{pdb['age']:X}")
    os.makedirs(place, exist_ok=True)
    path = os.path.join(place, "ntkrnlmp.pdb")
    with open(path, "wb") as f:
        f.write(container(streams))
    return path


if __name__ == "__main__":
    print(convert(sys.argv[1], sys.argv[2]))
