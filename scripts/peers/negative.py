"""What each reader makes of damage: the outcomes are different, and written down here as they are expected."""

import os
import struct

from common import ROOT_AT, SYSTEM_ROOT, patch
from volatility import VOL, vol

HOLE = 0xFFFFC00077770000
VALID_HOLE = f'[[pages]]\naddress = "{HOLE:#x}"\nstate = "valid"\ntext = "gone"\n[faults]\nleave_out = ["{HOLE:#x}"]\n'
TRANSITION = f'[[pages]]\naddress = "{HOLE:#x}"\nstate = "transition"\ntext = "still here"\n'


def hole(bench):
    """A valid entry whose page was not written: not in the dump, which is not the same as not present."""
    dump = bench.forge(19041, "bitmap-kernel", rest=VALID_HOLE)
    said = bench.bluepane(dump, f"db {HOLE:x} L10")
    bench.check("hole: bluepane names the physical page", "not written to the dump" in said, True)
    parser = python_kdmp(dump)
    if parser:
        bench.check("hole: kdmp-parser has no page", parser.read_virtual_page(HOLE, SYSTEM_ROOT), None)
        bench.check("hole: and translates it", bool(parser.translate_virtual(HOLE)), True)


def transition(bench):
    """The Python kdmp-parser walks valid entries only; all others read the frame."""
    dump = bench.forge(19041, "bitmap-kernel", rest=TRANSITION)
    said = bench.bluepane(dump, f"db {HOLE:x} L10")
    bench.check("transition: bluepane reads the page", "still here" in said, True)
    parser = python_kdmp(dump)
    if parser:
        bench.check("transition: kdmp-parser (Python) reads nothing", parser.read_virtual_page(HOLE, SYSTEM_ROOT), None)


def cut(bench):
    """A file three pages short: nobody but this project and ntoseye says a word."""
    dump = bench.forge(19041, "bitmap-full", "seed = 3")
    with open(dump, "rb") as f:
        f.seek(0x2020)
        first, present = struct.unpack("<QQ", f.read(16))
    os.truncate(dump, first + (present - 3) * 0x1000)
    report = bench.bluepane(dump)
    bench.check("cut: bluepane says so", (report["file"]["truncated"], "pages-cut" in codes(report)), (True, True))
    rows = vol(bench, dump, "windows.pslist")
    bench.check("cut: volatility3 opens it", len(rows) > 0, True)


def no_root(bench):
    """Volatility scans for the tables itself; the others have nothing to start from."""
    dump = bench.forge(19041, "bitmap-full", "seed = 4")
    patch(dump, ROOT_AT, "<Q", 0)
    report = bench.bluepane(dump)
    bench.check("no root: bluepane says so", "no-page-tables" in codes(report), True)
    info = {r["Variable"]: r["Value"] for r in vol(bench, dump, "windows.info")}
    bench.check("no root: volatility3 finds its own", info.get("DTB"), hex(SYSTEM_ROOT))


def user_root(bench):
    """The tables of a process hold the kernel's half too."""
    dump = bench.forge(19041, "bitmap-full", "seed = 5")
    directory = {r["PID"]: r for r in vol(bench, dump, "windows.pslist")}
    bench.check("user root: the processes", sorted(directory), [4, 360, 932, 4272])
    report = bench.bluepane(dump)
    other = bench.forge(19041, "full", "seed = 5")
    process = next(p for p in report_processes(other, bench) if p != SYSTEM_ROOT)
    patch(dump, ROOT_AT, "<Q", process)
    again = bench.bluepane(dump)
    bench.check("user root: the same drivers", again["modules"], report["modules"])
    info = {r["Variable"]: r["Value"] for r in vol(bench, dump, "windows.info")}
    bench.check("user root: volatility3 does not read the field", info.get("DTB"), hex(SYSTEM_ROOT))


def report_processes(dump, bench):
    """Top page tables by scanning physical memory for the self map that all of them have in one slot."""
    with open(dump, "rb") as f:
        data = f.read()
    runs = struct.unpack_from("<I", data, 0x88)[0]
    at, system = 0x2000, None
    pages = {}
    for run in range(runs):
        first, count = struct.unpack_from("<QQ", data, 0x98 + 16 * run)
        for n in range(count):
            pages[first + n] = at + n * 0x1000
        at += count * 0x1000
    system = pages[SYSTEM_ROOT >> 12]
    slot = next(i for i in range(256, 512) if struct.unpack_from("<Q", data, system + 8 * i)[0] >> 12 & 0xFFFFFFFFF == SYSTEM_ROOT >> 12)
    for frame, place in pages.items():
        entry = struct.unpack_from("<Q", data, place + 8 * slot)[0]
        if entry & 1 and entry >> 12 & 0xFFFFFFFFF == frame:
            yield frame << 12


def codes(report):
    return [note["code"] for note in report["notes"]]


def python_kdmp(dump):
    try:
        import kdmp_parser
    except ImportError:
        print("skipped: the Python kdmp-parser is not installed")
        return None
    return kdmp_parser.KernelDumpParser(dump)


def run(bench):
    if not os.path.exists(VOL):
        print("skipped: the negative set compares with Volatility 3")
        return
    for case in [hole, transition, cut, no_root, user_root]:
        case(bench)
        print(f"negative: {case.__name__} read")
