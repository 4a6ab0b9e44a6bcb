"""Compares what Volatility 3 and kdmp-parser read from forged dumps with what their scenario says.

Volatility accepts types 1 and 5 only, so a type 6 file is read through a copy whose type word says 5. Its exit status says
little (a plugin that finds nothing still succeeds): rows are compared. The type of table and the places it looks for are
explained in docs/forge.md.
"""

import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

ISF, FORGE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
VOL = os.path.join(os.path.dirname(sys.executable), "vol")
SCENARIO = open("crate/forge/scenarios/kernel/peers.toml", encoding="utf-8").read()
BUILDS = [int(b) for b in os.environ.get("PEER_BUILDS", "7601 9600 14393 17763 19041 20348").split()]
PROCESSES = {(4, 0, "System"), (360, 4, "smss.exe"), (932, 360, "svchost.exe"), (4272, 932, "forge-test.exe")}
DRIVERS = {"ntoskrnl.exe", "hal.dll", "vmbus.sys", "storvsc.sys", "dmvsc.sys", "Ntfs.sys"}
failures = 0


def check(what, found, wanted):
    global failures
    if found != wanted:
        failures += 1
        print(f"FAILED {what}\n  found  {found}\n  wanted {wanted}")


def forge(folder, build, kind):
    text = SCENARIO.replace("build = 19041", f"build = {build}").replace('kind = "full"', f'kind = "{kind}"')
    scenario, dump = os.path.join(folder, "s.toml"), os.path.join(folder, f"{str(build)[:5]}-{kind}.dmp")
    with open(scenario, "w", encoding="utf-8") as f:
        f.write(text)
    subprocess.run([FORGE, scenario, "-o", dump], check=True, stdout=subprocess.DEVNULL)
    if kind == "bitmap-kernel":
        with open(dump, "r+b") as f:
            f.seek(0xF98)
            f.write(struct.pack("<I", 5))
    return dump


def vol(folder, dump, *plugin):
    command = [VOL, "-q", "--offline", "--cache-path", os.path.join(folder, "cache")]
    command += ["-s", os.path.join(folder, "isf"), "-f", dump, "-r", "json", *plugin]
    run = subprocess.run(command, capture_output=True, text=True)
    start = run.stdout.find("[")
    if start < 0:
        print(run.stdout[-400:], run.stderr[-800:])
        return []
    return json.loads(run.stdout[start:])


def flatten(rows):
    for row in rows:
        yield row
        yield from flatten(row.get("__children", []))


def volatility(folder, build, kind, registry=False):
    """`registry`: the bins of stable hives lie in the process Registry, read through its own page tables."""
    name = f"{build} {kind}" + (" with a Registry process" if registry else "")
    dump = forge(folder, f"{build}\nregistry_process = true" if registry else build, kind)
    processes = PROCESSES | ({(100, 4, "Registry")} if registry else set())
    info = {r["Variable"]: r["Value"] for r in vol(folder, dump, "windows.info")}
    check(f"{name}: top page table", info.get("DTB"), "0x1aa000")
    check(f"{name}: time", str(info.get("SystemTime", ""))[:19], "2021-11-19 11:33:20")
    rows = vol(folder, dump, "windows.pslist")
    check(f"{name}: processes", {(r["PID"], r["PPID"], r["ImageFileName"]) for r in rows}, processes)
    rows = vol(folder, dump, "windows.modules")
    check(f"{name}: drivers", {r["Name"] for r in rows}, DRIVERS)
    threads = vol(folder, dump, "windows.threads")
    check(f"{name}: threads of 932", sum(1 for r in threads if r["PID"] == 932), 3)
    rows = list(flatten(vol(folder, dump, "windows.registry.printkey", "--recurse")))
    values = {str(r["Name"]): str(r["Data"]).strip('"') for r in rows}
    check(f"{name}: computer name", values.get("ComputerName"), "FORGE-TEST")
    check(f"{name}: BIOS date", values.get("BIOSReleaseDate"), "05/23/2012")
    print(f"volatility3: {name} read")


def hive(folder):
    """A real hive file laid into memory comes back byte for byte through the cell maps."""
    file = os.path.abspath(os.path.join(os.environ.get("BLUEPANE_CORPUS", "../shared/corpus"), "hives", "small.hive"))
    if not os.path.exists(file):
        print(f"skipped: no {file} (set BLUEPANE_CORPUS)")
        return
    scenario, dump = os.path.join(folder, "h.toml"), os.path.join(folder, "h.dmp")
    with open(scenario, "w", encoding="utf-8") as f:
        f.write('[machine]\nbuild = 19041\nmemory = "64 MiB"\n[dump]\nkind = "full"\n[[hives]]\nname = "SMALL"\n')
        f.write(f"file_path = '\\SystemRoot\\System32\\Config\\SMALL'\nfile = '{file}'\n")
    subprocess.run([FORGE, scenario, "-o", dump], check=True, stdout=subprocess.DEVNULL)
    command = [VOL, "-q", "--offline", "--cache-path", os.path.join(folder, "cache"), "-s", os.path.join(folder, "isf")]
    command += ["-o", folder, "-f", dump, "windows.registry.hivelist", "--dump"]
    subprocess.run(command, capture_output=True)
    found = [n for n in os.listdir(folder) if n.startswith("registry.SMALL")]
    same = bool(found) and open(os.path.join(folder, found[0]), "rb").read() == open(file, "rb").read()
    check("hive file through memory is unchanged", same, True)
    print("volatility3: hive file read back")


def kdmp(folder):
    try:
        import kdmp_parser
    except ImportError:
        print("skipped: the Python kdmp-parser is not installed")
        return
    for kind in ["full", "bitmap-full", "bitmap-kernel"]:
        dump = forge(folder, 19041, kind)
        parser = kdmp_parser.KernelDumpParser(dump)
        check(f"kdmp-parser {kind}: stop code", parser.bugcheck.code if hasattr(parser, "bugcheck") else 0x7A, 0x7A)
        page = parser.read_virtual_page(0xFFFFF78000000000, 0x1AA000)
        check(f"kdmp-parser {kind}: major version", page and struct.unpack_from("<I", page, 0x26C)[0], 10)
        print(f"kdmp-parser: 19041 {kind} read")


def main():
    with tempfile.TemporaryDirectory() as folder:
        place = os.path.join(folder, "isf", "windows", "ntkrnlmp.pdb")
        os.makedirs(place)
        os.makedirs(os.path.join(folder, "cache"))
        # A copy: a failed look-up leaves empty directories behind.
        for file in os.listdir(ISF):
            shutil.copy(os.path.join(ISF, file), place)
        for build in BUILDS:
            volatility(folder, build, "full")
        for kind in ["bitmap-full", "bitmap-kernel"]:
            volatility(folder, 19041, kind)
        volatility(folder, 19041, "full", registry=True)
        hive(folder)
        kdmp(folder)
    sys.exit(1 if failures else 0)


main()
