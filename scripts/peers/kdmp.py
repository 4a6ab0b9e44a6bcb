"""The Python kdmp-parser (the C++ code): pages and virtual reads of every 64-bit container it knows."""

import struct

from common import SYSTEM_ROOT

SHARED_DATA = 0xFFFFF78000000000
# The Rust reader of the same name is compared page by page in crate/forge/tests/kdmp_parser.rs.
KINDS = ["full", "bitmap-full", "bitmap-kernel", "automatic", "active", "live", "range-kernel", "range-kernel-user", "range-complete"]
# Kinds that its table of types does not have.
REFUSED = set()


def run(bench):
    try:
        import kdmp_parser
    except ImportError:
        print("skipped: the Python kdmp-parser is not installed")
        return
    for kind in KINDS:
        dump = bench.forge(19041, kind)
        try:
            parser = kdmp_parser.KernelDumpParser(dump)
        except Exception as error:
            bench.check(f"kdmp-parser {kind}: opens ({error})", kind in REFUSED, True)
            continue
        page = parser.read_virtual_page(SHARED_DATA, SYSTEM_ROOT)
        bench.check(f"kdmp-parser {kind}: major version", page and struct.unpack_from("<I", page, 0x26C)[0], 10)
        for module in bench.bluepane(dump)["modules"]:
            page = parser.read_virtual_page(int(module["base"], 16), SYSTEM_ROOT)
            bench.check(f"kdmp-parser {kind}: image of {module['name']}", page and page[:2], b"MZ")
        print(f"kdmp-parser: 19041 {kind} read")
