"""Counts the unwind codes of the functions that ran, so that none is left out.

Source: Microsoft Learn, "x64 exception handling" and "ARM64 exception handling"; dotnet/runtime (MIT) for codes of the
system's own.
"""

import struct
from bisect import bisect_left
from collections import Counter

X64, ARM64 = 0x8664, 0xAA64

# Every code that the unwinder is to know, by the names of the sources. What only Windows itself has is in arm64.s or x64.s.
NEEDED = {
    X64: """push alloc_small alloc_large alloc_large_32 set_frame save save_far xmm xmm_far machine_frame
        machine_frame_error epilog chained indirect version_2""".split(),
    ARM64: """alloc_s alloc_m alloc_l save_r19r20_x save_fplr save_fplr_x save_regp save_regp_x save_reg save_reg_x
        save_lrpair save_fregp save_fregp_x save_freg save_freg_x set_fp add_fp nop end_c save_next save_any_reg
        trap_frame machine_frame context pac_sign_lr packed packed_part packed_homed packed_cr0 packed_cr1 packed_cr2
        packed_cr3 named epilogue_scope epilogue_at_end""".split(),
}
X64_CODES = "push alloc_large alloc_small set_frame save save_far epilog spare xmm xmm_far machine_frame".split()
X64_SLOTS = [1, 2, 1, 1, 2, 3, 2, 3, 2, 3, 1]
# By the first byte from which on it is this code, and its length.
ARM64_CODES = [
    (0x00, "alloc_s", 1), (0x20, "save_r19r20_x", 1), (0x40, "save_fplr", 1), (0x80, "save_fplr_x", 1),
    (0xC0, "alloc_m", 2), (0xC8, "save_regp", 2), (0xCC, "save_regp_x", 2), (0xD0, "save_reg", 2),
    (0xD4, "save_reg_x", 2), (0xD6, "save_lrpair", 2), (0xD8, "save_fregp", 2), (0xDA, "save_fregp_x", 2),
    (0xDC, "save_freg", 2), (0xDE, "save_freg_x", 2), (0xDF, "undefined", 2), (0xE0, "alloc_l", 4), (0xE1, "set_fp", 1),
    (0xE2, "add_fp", 2), (0xE3, "nop", 1), (0xE4, "end", 1), (0xE5, "end_c", 1), (0xE6, "save_next", 1),
    (0xE7, "save_any_reg", 3), (0xE8, "trap_frame", 1), (0xE9, "machine_frame", 1), (0xEA, "context", 1),
    (0xEB, "undefined", 1), (0xFC, "pac_sign_lr", 1), (0xFD, "undefined", 1),
]  # fmt: skip


def entries(memory):
    """The exception directory: its words by entry, and the length of one."""
    (pe,) = struct.unpack_from("<I", memory, 0x3C)
    (machine,) = struct.unpack_from("<H", memory, pe + 4)
    at, size = struct.unpack_from("<II", memory, pe + 0x18 + 0x70 + 8 * 3)
    words = 3 if machine == X64 else 2
    return machine, [struct.unpack_from(f"<{words}I", memory, at + i) for i in range(0, size - size % (4 * words), 4 * words)]


def x64(memory, data, found):
    if data & 1:
        found["indirect"] += 1
        (data,) = struct.unpack_from("<I", memory, (data & ~1) + 8)
    first, _, count, _ = memory[data : data + 4]
    found[f"version_{first & 7}"] += 1
    at = 0
    while at < count:
        what = memory[data + 4 + 2 * at + 1]
        code, info = what & 0xF, what >> 4
        name = X64_CODES[code]
        if name == "alloc_large" and info:
            name, at = "alloc_large_32", at + 1
        if name == "machine_frame" and info:
            name = "machine_frame_error"
        found[name] += 1
        at += X64_SLOTS[code]
    if first >> 3 & 4:
        found["chained"] += 1
        (outer,) = struct.unpack_from("<I", memory, data + 4 + 2 * (count + count % 2) + 8)
        x64(memory, outer, found)


def arm64(memory, data, found):
    if data & 3 == 3:
        found["named"] += 1
        (data,) = struct.unpack_from("<I", memory, data - 3 + 4)
    if data & 3:
        found["packed" if data & 3 == 1 else "packed_part"] += 1
        found[f"packed_cr{data >> 21 & 3}"] += 1
        found["packed_homed"] += data >> 20 & 1
        return
    (head,) = struct.unpack_from("<I", memory, data)
    scopes, words, at = head >> 22 & 31, head >> 27, data + 4
    if not scopes and not words:
        (more,) = struct.unpack_from("<I", memory, at)
        scopes, words, at = more & 0xFFFF, more >> 16 & 0xFF, at + 4
    if head >> 21 & 1:
        found["epilogue_at_end"] += 1
    else:
        found["epilogue_scope"] += scopes
        at += 4 * scopes
    end = at + 4 * words
    while at < end:
        _, name, length = [code for code in ARM64_CODES if code[0] <= memory[at]][-1]
        if name == "end":
            break
        found[name] += 1
        at += length


def count(memory, offsets):
    """The codes of the functions that hold one of these offsets, ascending: how many functions have each."""
    machine, table = entries(memory)
    total = Counter()
    for (begin, *rest), after in zip(table, [entry[0] for entry in table[1:]] + [1 << 32]):
        at = bisect_left(offsets, begin)
        if at < len(offsets) and offsets[at] < after:
            found = Counter()
            (x64 if machine == X64 else arm64)(memory, rest[-1], found)
            total.update(name for name, times in found.items() if times)
    return machine, total


def report(totals):
    """Prints how many functions had each code, over all programs of a machine, and fails when one was in none."""
    for machine, total in totals.items():
        listed = ", ".join(f"{name} {total[name]}" for name in NEEDED[machine])
        print(f"{machine:#x}, functions that ran: {listed}")
        missing = [name for name in NEEDED[machine] if not total[name]]
        assert not missing, f"{machine:#x}: nothing that ran has {missing}"
