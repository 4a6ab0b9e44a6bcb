"""Forged dumps read by other people's tools, compared with their scenario and with this project's own report.

Usage: python scripts/peers ISF_FOLDER FORGE BLUEPANE   (scripts/test-peers installs the tools and calls this)
Needs nothing else; a tool that is not installed is a printed skip. docs/referees.md says what a pass proves.
"""

import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import eye
import kdmp
import mem
import negative
import volatility
from common import Bench


def main():
    isf, forge, bluepane = (os.path.abspath(path) for path in sys.argv[1:4])
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(folder, isf, {"forge": forge, "bluepane": bluepane})
        volatility.copy_symbols(bench)
        if os.path.exists(volatility.VOL):
            # The first run fills the cache that the others share.
            volatility.vol(bench, bench.forge(19041, "bitmap-full", "seed = 7"), "windows.info")
        jobs = volatility.jobs() + [kdmp.run, eye.run, mem.run, negative.run]
        only = os.environ.get("PEERS")
        if only:
            jobs = [module for name, module in [("kdmp", kdmp.run), ("eye", eye.run), ("mem", mem.run), ("negative", negative.run)] if name in only]
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(job, bench) for job in jobs]:
                done.result()
        print(f"peers: {bench.failures} failures")
        return 1 if bench.failures else 0


sys.exit(main())
