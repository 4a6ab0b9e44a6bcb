"""ntoseye and bluepane on the same forged kernel dumps, both without a network and with the same symbol files.

Usage: compare-ntoseye-kernel.py NTOSEYE BLUEPANE FORGE ISF; prints a table in Markdown. A frame counts when its name is the scenario's (in a
driver the offset too) and so are those of all frames before it.
ntoseye goes by the kernel's types: a PDB with them is made of the ISF file, below the folder ISF, that the forge's tables come from.
"""

import importlib.util
import os
import re
import sys
import tempfile

from side_by_side import bluepane, ntoseye, timed

SYSTEM = ["nt!IofCallDriver", "driver.sys+0x7770", "nt!ExpWorkerThread", "nt!PspSystemThreadStartup"]
FAULT = ["nt!KeBugCheckEx", "nt!KiBugCheckDispatch", "nt!KiPageFault", "driver.sys+0x4560 grown = 64"]
OTHER = ["nt!KeBugCheckEx@dpc", "driver.sys+0x4560@dpc", "nt!KiRetireDpcList@dpc", "nt!KiDpcInterrupt"]
INTERRUPT = ["nt!KeBugCheckEx@interrupt", "driver.sys+0x4560@interrupt", "nt!KiInterruptDispatch@interrupt"]
DOUBLE = ["nt!KeBugCheckEx@double-fault", "nt!KiBugCheckDispatch@double-fault", "nt!KiDoubleFaultAbort@double-fault"]
DEEP = [f"driver.sys+{0x1110 + 0x200 * i:#x} room = {64 * i + 32}" for i in range(24)]
USER = ["driver.sys+0x8880", "nt!NtReadFile", "nt!KiSystemServiceExit", "user+0x7ff612345678"]
NARROW = ["nt!KeBugCheckEx", "nt!KiTrap0E", "driver.sys+0x4560", "nt!IofCallDriver", "driver.sys+0x7770", "nt!PspSystemThreadStartup"]

CASES = [
    ("a fault in a driver", "x64 7601", "full", FAULT + SYSTEM),
    ("a fault in a driver", "x64 9600", "bitmap-full", FAULT + SYSTEM),
    ("a fault in a driver", "x64 19041", "bitmap-kernel", FAULT + SYSTEM),
    ("a fault in a driver", "x64 26100", "bitmap-kernel", FAULT + SYSTEM),
    ("a deferred call", "x64 19041", "bitmap-kernel", OTHER + SYSTEM),
    ("an interrupt", "x64 19041", "full", INTERRUPT + SYSTEM),
    ("a double fault", "x64 17763", "bitmap-kernel", DOUBLE + SYSTEM),
    ("24 large frames", "x64 20348", "bitmap-kernel", FAULT[:1] + DEEP + SYSTEM),
    ("a system call", "x64 19041", "bitmap-kernel", FAULT + SYSTEM[:1] + USER),
    ("a fault in a driver", "arm64 22000", "bitmap-kernel", FAULT + SYSTEM),
    ("a fault in a driver", "x86 7601", "full", NARROW),
]


def kernel_types(machine, isf, files):
    """Puts a PDB with the kernel's types in the place of the forge's, which has names alone."""
    architecture, build = machine.split()
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, f"../crate/forge/data/nt-{architecture}-{build}.tsv")) as lines:
        fields = next(line.split("\t") for line in lines if line.startswith("build\t"))
    file = os.path.join(isf, f"{fields[2]}-{fields[3]}.json.xz")
    if not os.path.exists(file):
        return
    spec = importlib.util.spec_from_file_location("isf_to_pdb", os.path.join(here, "isf-to-pdb.py"))
    converter = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(converter)
    store = os.path.join(files, "store")
    converter.convert(file, store)
    for folder, _, names in os.walk(store):
        for name in names:
            os.replace(os.path.join(folder, name), os.path.join(files, name))


def scenario(machine, kind, frames):
    architecture, build = machine.split()
    text = f"""[machine]
memory = "64 MiB"
build = {build}
architecture = "{architecture}"
[stop]
code = 0xd1
parameters = ["0xfffff90012345678", 2, 0, 0]
[dump]
kind = "{kind}"
[[processes]]
name = "smss.exe"
pid = 360
current = true
[[modules]]
name = "driver.sys"
size = 0x20000
company = "Acme"
"""
    for frame in frames:
        at, _, more = frame.partition(" ")
        at, _, on = at.partition("@")
        text += f"[[stack]]\nat = \"{at}\"\n{more}\non = \"{on or 'thread'}\"\n"
        if at in ("nt!KiPageFault", "nt!KiTrap0E"):
            text += 'fault_address = "0xfffff90012345678"\n'
    return text


def expected(frames):
    """What each frame is called; of the kernel's the name alone, as the forge chooses the offset."""
    names = []
    for frame in frames:
        at = re.split("[ @]", frame)[0]
        if at.startswith("user"):
            break
        if at.startswith("nt!"):
            names.append(at)
        else:
            offset = int(at.split("+")[1], 16)
            begin = offset - 0x40 & ~0xF
            names.append(f"driver!Function{begin:X}+{offset - begin:#x}")
    return names


def right(found, wanted):
    count = 0
    for name, want in zip(found, wanted):
        if name != want and not (want.startswith("nt!") and name.split("+")[0] == want):
            break
        count += 1
    return count


def names(frames):
    """The frames of a report as ntoseye writes them."""
    found = []
    for frame in frames:
        module = {"ntoskrnl.exe": "nt"}.get(frame["module"], frame["module"].split(".")[0])
        found.append(f"{module}!{frame.get('symbol')}+{int(frame['offset'], 16):#x}")
    return found


def main():
    theirs, ours, forge, isf = sys.argv[1:]
    print("| dump | machine | kind | frames | right: ntoseye | bluepane | culprit: ntoseye | bluepane | ms: ntoseye | bluepane |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for what, machine, kind, frames in CASES:
        with tempfile.TemporaryDirectory() as folder:
            files, dump, text = (os.path.join(folder, name) for name in ("files", "a.dmp", "a.toml"))
            os.mkdir(files)
            with open(text, "w") as file:
                file.write(scenario(machine, kind, frames))
            timed([forge, text, "-o", dump, "--files", files], dict(os.environ), 1)
            # The images are in the dump.
            for name in os.listdir(files):
                if not name.endswith(".pdb"):
                    os.remove(os.path.join(files, name))
            kernel_types(machine, isf, files)
            wanted = expected(frames)
            symbols = [os.path.join(files, name) for name in sorted(os.listdir(files)) if name.endswith(".pdb")]
            out, found, name, took = ntoseye(theirs, dump, folder, ["--sympath-append", files])
            name = name if out else "does not open it"
            own, blamed, quick = bluepane(ours, dump, symbols)
            own = names(own)
            print(
                f"| {what} | {machine} | {kind} | {len(wanted)} | {right(found, wanted)} | {right(own, wanted)} | {name} | {blamed} "
                f"| {took * 1000:.0f} | {quick * 1000:.0f} |",
                flush=True,
            )
            if "-v" in os.environ.get("SHOW", ""):
                print(wanted, found, own, sep="\n")


main()
