"""ntoseye on forged dumps of types 1, 5 and 6, with a PDB made from the ISF file: it reads no ISF.

A fresh HOME each time, because it keeps copies of symbol files there, and a proxy that refuses, so that it asks nobody.
"""

import importlib.util
import os
import re
import subprocess
import sys

from common import DRIVERS, HERE, PROCESSES

NTOSEYE = os.path.join(os.path.dirname(sys.executable), "ntoseye")
KINDS = ["full", "bitmap-full", "bitmap-kernel"]
GUID = "5278AFF86C341677D7D7835C85B7B844-1"


def converter():
    spec = importlib.util.spec_from_file_location("isf_to_pdb", os.path.join(HERE, "../isf-to-pdb.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def eye(bench, dump, *commands):
    home = bench.path("home-" + os.path.basename(dump))
    os.makedirs(home, exist_ok=True)
    nobody = "http://127.0.0.1:9"
    places = {"HOME": home, "HTTPS_PROXY": nobody, "https_proxy": nobody}
    call = [NTOSEYE, "--dump", dump, "--sympath-append", bench.path("pdb"), "--batch"]
    for command in commands:
        call += ["-c", command]
    return subprocess.run(call, capture_output=True, text=True, env={**os.environ, **places})


def processes(text):
    """(pid, parent, name) of `!process 0 0`: columns are apart by two blanks."""
    rows = set()
    for line in text.splitlines():
        columns = re.split(r"  +", line.strip())
        if re.fullmatch(r"[0-9a-f]{16}", columns[0]) and len(columns) > 8:
            rows.add((int(columns[2].split()[0]), int(columns[5].split()[0]), columns[-1]))
    return rows


def modules(text):
    """(base, end, file) of `lm`."""
    rows = set()
    for line in text.splitlines():
        columns = line.split()
        if len(columns) > 5 and re.fullmatch(r"[0-9a-f]{16}", columns[1] or ""):
            rows.add((int(columns[0], 16), int(columns[1], 16), columns[-1]))
    return rows


def run(bench):
    if not os.path.exists(NTOSEYE):
        print("skipped: ntoseye is not installed")
        return
    file = os.path.join(bench.isf, GUID + ".json.xz")
    if not os.path.exists(file):
        print(f"skipped: ntoseye: no {file}")
        return
    converter().convert(file, bench.path("pdb"))
    texts = []
    for kind in KINDS:
        dump = bench.forge(19041, kind)
        report = bench.bluepane(dump)
        found = eye(bench, dump, "!process 0 0", "lm")
        bench.check(f"ntoseye {kind}: exit status ({found.stderr[-200:]})", found.returncode, 0)
        bench.check(f"ntoseye {kind}: processes", processes(found.stdout), PROCESSES)
        listed = modules(found.stdout)
        bench.check(f"ntoseye {kind}: drivers", {row[2] for row in listed}, DRIVERS)
        ours = {(int(m["base"], 16), int(m["base"], 16) + m["size"]) for m in report["modules"]}
        bench.check(f"ntoseye {kind}: modules as in the report", {row[:2] for row in listed}, ours)
        pool = eye(bench, dump, "!vm", "!analyze -v").stdout
        bench.check(f"ntoseye {kind}: free pages of the page file", "free      49152 pages" in pool, True)
        bench.check(f"ntoseye {kind}: stop code", "7a" in pool.lower(), True)
        texts.append(found.stdout + pool)
        print(f"ntoseye: 19041 {kind} read")
    bench.check("ntoseye says the same of all three containers", texts[1:], texts[:1] * 2)
