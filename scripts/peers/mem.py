"""MemProcFS, which has offsets of its own, on a dense machine: eleven processes, the kernel mapped by large pages.

It runs in a process of its own (its libraries want LD_LIBRARY_PATH, and it starts threads that it does not end).
"""

import json
import os
import subprocess
import sys
import sysconfig

KINDS = ["full", "bitmap-full", "bitmap-kernel"]
INNER = """
import json, sys, memprocfs
vmm = memprocfs.Vmm(['-device', sys.argv[1], '-disable-symbolserver'])
print(json.dumps({
    'processes': [(p.pid, p.ppid, p.name, p.dtb) for p in vmm.process_list()],
    'modules': [(m.name.lower(), m.base) for m in vmm.process(4).module_list()],
}))
"""


def scenario(kind):
    text = '[machine]\nbuild = 19041\nmemory = "64 MiB"\n[stop]\ncode = 0x7a\n'
    text += f'[dump]\nkind = "{kind}"\n'
    return text + "".join(f'[[processes]]\nname = "proc{n}.exe"\npid = {400 + 4 * n}\n' for n in range(1, 12))


def run(bench):
    site = sysconfig.get_paths()["platlib"]
    libraries = ":".join(os.path.join(site, name) for name in ["leechcorepyc", "memprocfs"])
    environment = {**os.environ, "LD_LIBRARY_PATH": libraries}
    probe = subprocess.run([sys.executable, "-c", "import memprocfs"], env=environment, capture_output=True, text=True)
    if probe.returncode:
        print(f"skipped: MemProcFS does not load ({probe.stderr.strip().splitlines()[-1]})")
        return
    wanted = {(4, 0, "System")} | {(400 + 4 * n, 4, f"proc{n}.exe") for n in range(1, 12)}
    for kind in KINDS:
        dump = bench.forge_text(f"dense-{kind}", scenario(kind))
        inner = subprocess.run([sys.executable, "-c", INNER, dump], env=environment, capture_output=True, text=True, timeout=120)
        lines = [line for line in inner.stdout.splitlines() if line.startswith("{")]
        found = json.loads(lines[-1]) if lines else {"processes": [], "modules": []}
        bench.check(f"MemProcFS {kind}: processes {inner.stderr[-200:]}", {tuple(p[:3]) for p in found["processes"]}, wanted)
        ours = {int(m["base"], 16) for m in bench.bluepane(dump)["modules"]}
        listed = {base for _, base in found["modules"]}
        bench.check(f"MemProcFS {kind}: modules as in the report", listed, ours)
        print(f"MemProcFS: dense {kind} read")
