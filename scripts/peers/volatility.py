"""Volatility 3 on forged dumps: every build with a symbol file, both kinds of container that it knows, a real hive.

It accepts types 1 and 5 only, so a type 6 file is read through a copy whose type word says 5. Its exit status says little (a
plugin that finds nothing still succeeds): rows are compared.
"""

import json
import os
import shutil
import subprocess
import sys

from common import DRIVERS, PROCESSES, SYSTEM_ROOT, TYPE_AT, flatten, patch

VOL = os.path.join(os.path.dirname(sys.executable), "vol")
# All of them as complete dumps; a bitmap is the same reader for each, so four are enough.
FULL = [7601, 9600, 14393, 17763, 19041, 20348]
BITMAP = [9600, 17763, 19041, 20348]


def vol(bench, dump, *plugin):
    command = [VOL, "-q", "--offline", "--cache-path", bench.path("cache")]
    command += ["-s", bench.path("isf"), "-f", dump, "-r", "json", *plugin]
    run = subprocess.run(command, capture_output=True, text=True)
    start = run.stdout.find("[")
    if start < 0:
        print(run.stdout[-400:], run.stderr[-800:])
        return []
    return json.loads(run.stdout[start:])


def address(value):
    """Volatility's addresses have 48 bits, ours are as the processor takes them."""
    return (int(value, 16) if isinstance(value, str) else value) & 0xFFFFFFFFFFFF


def moment(time):
    """To the second: each writes fractions and zones in its own way."""
    return str(time)[:19].replace(" ", "T")


# Keys of the stable and of the volatile hive that both are asked for.
KEYS = {
    "SYSTEM": ["Select", r"ControlSet001\Services\dmvsc", r"ControlSet001\Control\ComputerName\ComputerName"],
    "HARDWARE": [r"DESCRIPTION\System", r"DESCRIPTION\System\BIOS"],
}


def number_or_text(kind, data):
    """Each writes numbers and lists in its own way."""
    text = str(data).strip('"')
    return str(int(text, 0)) if kind == "REG_DWORD" else text.replace("\n", "; ").strip("; \0")


def registry(bench, dump, name, hives):
    """Subkeys and values of several keys, by both: names, types, data, and when each key was written."""
    places = {str(r["FileFullPath"]).rsplit("\\", 1)[-1]: r["Offset"] for r in hives}
    compared = 0
    for hive, key in [(hive, key) for hive, keys in KEYS.items() for key in keys]:
        rows = vol(bench, dump, "windows.registry.printkey", "--offset", str(places.get(hive, 0)), "--key", key)
        theirs = {(r["Type"], r["Name"], number_or_text(r["Type"], r["Data"])) for r in rows if r["Type"] != "Key"}
        subkeys = {r["Name"] for r in rows if r["Type"] == "Key" and r["Name"] != key.rsplit("\\", 1)[-1]}
        lines = bench.bluepane(dump, rf"!reg q HKLM\{hive}\{key}").splitlines()
        ours, own, part = set(), set(), ""
        for line in lines:
            if line.startswith("["):
                part = line
            elif part.startswith("[ValueType]") and line.strip():
                kind, value, data = (line.split(None, 2) + ["", ""])[:3]
                ours.add((kind, value, number_or_text(kind, data)))
            elif part.startswith("[SubKeyName]") and line.strip():
                own.add(line.strip())
        bench.check(f"{name}: values of {hive}\\{key}", theirs, ours)
        bench.check(f"{name}: subkeys of {hive}\\{key}", subkeys, own)
        stamps = {moment(r["Last Write Time"]) for r in rows}
        bench.check(f"{name}: {hive}\\{key} last written", all(stamp in "\n".join(lines) for stamp in stamps), True)
        compared += len(theirs)
    bench.check(f"{name}: something was compared", compared >= 10, True)


def machine(bench, dump, name, processes):
    """One dump through every plugin; returns the rows, so that two containers of a machine can be compared."""
    info = {r["Variable"]: r["Value"] for r in vol(bench, dump, "windows.info")}
    bench.check(f"{name}: top page table", info.get("DTB"), hex(SYSTEM_ROOT))
    bench.check(f"{name}: time", str(info.get("SystemTime", ""))[:19], "2021-11-19 11:33:20")
    report = bench.bluepane(dump)
    bench.check(f"{name}: kernel base", address(info.get("Kernel Base", "0")), address(report["system"]["kernel_base"]))
    rows = vol(bench, dump, "windows.pslist")
    bench.check(f"{name}: processes", {(r["PID"], r["PPID"], r["ImageFileName"]) for r in rows}, processes)
    theirs = {(r["PID"], r["PPID"], r["ImageFileName"][:14], r["Threads"], moment(r["CreateTime"])) for r in rows}
    listed = report["memory"]["processes"]
    ours = {(p["pid"], p["parent_pid"], p["name"][:14], p["threads"], moment(p["created"])) for p in listed}
    bench.check(f"{name}: processes as in the report", theirs, ours)
    modules = vol(bench, dump, "windows.modules")
    bench.check(f"{name}: drivers", {r["Name"] for r in modules}, DRIVERS)
    ours = {(m["name"].lower(), address(m["base"]), m["size"]) for m in report["modules"]}
    bench.check(f"{name}: modules as in the report", {(r["Name"].lower(), address(r["Base"]), r["Size"]) for r in modules}, ours)
    hives = vol(bench, dump, "windows.registry.hivelist")
    names = {str(r["FileFullPath"]).rsplit("\\", 1)[-1] for r in hives}
    bench.check(f"{name}: hives", {"SYSTEM", "HARDWARE"} <= names, True)
    registry(bench, dump, name, hives)
    keys = list(flatten(vol(bench, dump, "windows.registry.printkey", "--recurse")))
    values = {str(r["Name"]): str(r["Data"]).strip('"') for r in keys}
    bench.check(f"{name}: computer name", values.get("ComputerName"), "FORGE-TEST")
    bench.check(f"{name}: BIOS date", values.get("BIOSReleaseDate"), "05/23/2012")
    print(f"volatility3: {name} read")
    return rows, modules, hives


def build(bench, number):
    dump = bench.forge(number, "full")
    full = machine(bench, dump, f"{number} full", PROCESSES)
    threads = vol(bench, dump, "windows.threads")
    bench.check(f"{number}: threads of 932", sum(1 for r in threads if r["PID"] == 932), 3)
    os.remove(dump)
    if number not in BITMAP:
        return
    dump = bench.forge(number, "bitmap-full")
    same = machine(bench, dump, f"{number} bitmap-full", PROCESSES)
    bench.check(f"{number}: rows of both containers", same, full)
    os.remove(dump)


def kernel_bitmap(bench):
    dump = bench.forge(19041, "bitmap-kernel")
    ours = bench.bluepane(dump)["file"]["kind"]
    bench.check("19041 bitmap-kernel: its own kind", ours, "bitmap-kernel")
    patch(dump, TYPE_AT, "<I", 5)
    machine(bench, dump, "19041 bitmap-kernel", PROCESSES)


def registry_process(bench):
    """The bins of stable hives lie in the process Registry, read through its own page tables."""
    dump = bench.forge(19041, "full", "registry_process = true")
    machine(bench, dump, "19041 with a Registry process", PROCESSES | {(100, 4, "Registry")})


def hive(bench):
    """A real hive file laid into memory comes back byte for byte through the cell maps."""
    corpus = os.environ.get("BLUEPANE_CORPUS", "../shared/corpus")
    file = os.path.abspath(os.path.join(corpus, "hives", "small.hive"))
    if not os.path.exists(file):
        print(f"skipped: no {file} (set BLUEPANE_CORPUS)")
        return
    for kind in ["full", "bitmap-full"]:
        text = f'[machine]\nbuild = 19041\nmemory = "64 MiB"\n[dump]\nkind = "{kind}"\n[[hives]]\nname = "SMALL"\n'
        text += f"file_path = '\\SystemRoot\\System32\\Config\\SMALL'\nfile = '{file}'\n"
        dump, out = bench.forge_text(f"hive-{kind}", text), bench.path(f"hives-{kind}")
        os.makedirs(out)
        command = [VOL, "-q", "--offline", "--cache-path", bench.path("cache"), "-s", bench.path("isf")]
        subprocess.run(command + ["-o", out, "-f", dump, "windows.registry.hivelist", "--dump"], capture_output=True)
        found = [n for n in os.listdir(out) if n.startswith("registry.SMALL")]
        same = bool(found) and open(os.path.join(out, found[0]), "rb").read() == open(file, "rb").read()
        bench.check(f"{kind}: hive file through memory is unchanged", same, True)
        print(f"volatility3: hive file read back from {kind}")


def copy_symbols(bench):
    """A copy: a failed look-up leaves empty directories behind."""
    place = bench.path("isf/windows/ntkrnlmp.pdb")
    os.makedirs(place)
    os.makedirs(bench.path("cache"))
    for file in os.listdir(bench.isf):
        shutil.copy(os.path.join(bench.isf, file), place)


def jobs():
    if not os.path.exists(VOL):
        print("skipped: Volatility 3 is not installed")
        return []
    builds = [int(b) for b in os.environ.get("PEER_BUILDS", "").split()] or FULL
    return [lambda bench, number=number: build(bench, number) for number in builds] + [kernel_bitmap, registry_process, hive]
