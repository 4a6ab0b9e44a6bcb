"""What the readers' tests share: forging a dump, running a tool, comparing, counting failures."""

import itertools
import json
import os
import struct
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
SCENARIO = open(os.path.join(HERE, "../../crate/forge/scenarios/kernel/peers.toml"), encoding="utf-8").read()
PROCESSES = {(4, 0, "System"), (360, 4, "smss.exe"), (932, 360, "svchost.exe"), (4272, 932, "forge-test.exe")}
DRIVERS = {"ntoskrnl.exe", "hal.dll", "vmbus.sys", "storvsc.sys", "dmvsc.sys", "Ntfs.sys"}
# Where DumpType stands in a 64-bit header, and the page table root.
TYPE_AT, ROOT_AT = 0xF98, 0x10
SYSTEM_ROOT = 0x1AA000


class Bench:
    """A folder to work in, the programs, and what went wrong."""

    def __init__(self, folder, isf, programs):
        self.folder, self.isf, self.programs = folder, isf, programs
        self.failures = 0
        # Several work side by side: no two files have one name.
        self.numbers = itertools.count()

    def check(self, what, found, wanted):
        if found != wanted:
            self.failures += 1
            print(f"FAILED {what}\n  found  {found}\n  wanted {wanted}")

    def path(self, name):
        return os.path.join(self.folder, name)

    def forge_text(self, name, text):
        scenario, dump = self.path(name + ".toml"), self.path(name + ".dmp")
        with open(scenario, "w", encoding="utf-8") as f:
            f.write(text)
        subprocess.run([self.programs["forge"], scenario, "-o", dump], check=True, stdout=subprocess.DEVNULL)
        return dump

    def forge(self, build, kind, machine="", rest=""):
        """The machine of peers.toml as another build and kind; `machine` joins its table, `rest` follows all."""
        text = SCENARIO.replace("build = 19041", f"build = {build}\n{machine}").replace('kind = "full"', f'kind = "{kind}"')
        return self.forge_text(f"{build}-{kind}-{next(self.numbers)}", text + rest)

    def bluepane(self, dump, *commands):
        """This project's own report, or the text of console commands."""
        call = [self.programs["bluepane"], dump]
        for command in commands:
            call += ["--command", command]
        if not commands:
            call += ["--format", "json"]
        run = subprocess.run(call, capture_output=True, text=True)
        return run.stdout if commands else json.loads(run.stdout)


def patch(dump, at, form, value):
    with open(dump, "r+b") as f:
        f.seek(at)
        f.write(struct.pack(form, value))


def flatten(rows):
    for row in rows:
        yield row
        yield from flatten(row.get("__children", []))
