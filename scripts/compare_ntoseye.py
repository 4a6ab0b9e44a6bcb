"""ntoseye and bluepane on the same minidumps, both without a network: stop code, frames, culprit, time.

Usage: compare_ntoseye.py NTOSEYE BLUEPANE DUMP...; prints a table in Markdown. Of ntoseye, whose calls home are sent
to a closed port, the text of `!analyze -v` is read; of bluepane the JSON report. Times are the best of three runs, whole
processes, by the clock.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time

RUNS = 3


def timed(command, env, runs=RUNS):
    best, out = None, ""
    for _ in range(runs):
        begun = time.perf_counter()
        ran = subprocess.run(command, env=env, capture_output=True, text=True, errors="replace", timeout=300)
        took = time.perf_counter() - begun
        best = took if best is None else min(best, took)
        out = ran.stdout
    return out, best


def ntoseye(tool, dump, home):
    dead = "http://127.0.0.1:9"
    env = {**os.environ, "HOME": home, "HTTPS_PROXY": dead, "https_proxy": dead, "NO_COLOR": "1"}
    out, took = timed([tool, "--dump", dump, "--batch", "-c", "!analyze -v"], env)
    stack = re.search(r"^stack\n((?:  .*\n)*)", out, re.M)
    frames = re.findall(r"^  [0-9a-f]{2}  [0-9a-f]{8}", stack.group(1), re.M) if stack else []
    culprit = re.search(r"^  culprit  +(\S+)", out, re.M)
    sure = re.search(r"^  confidence  +(\S+)", out, re.M)
    code = re.search(r"\((0x[0-9a-f]+)\)", out)
    name = f"{culprit.group(1)} ({sure.group(1) if sure else '?'})" if culprit else "nobody"
    return code.group(1) if code else "?", len(frames), name, took


def bluepane(tool, dump):
    out, took = timed([tool, dump, "--format", "json"], dict(os.environ))
    report = json.loads(out)
    frames = report.get("stack", {}).get("frames", [])
    solid = sum(frame["confidence"] != "possible" for frame in frames)
    blame = report.get("blame")
    name = f"{blame['module']} ({blame['confidence']})" if blame else "nobody, and why"
    return len(frames), solid, name, took


def main():
    theirs, ours, *dumps = sys.argv[1:]
    print("| dump | code | frames: ntoseye | bluepane (more than possible) | culprit: ntoseye | bluepane | ms: ntoseye | bluepane |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as home:
        for dump in dumps:
            code, frames, name, took = ntoseye(theirs, dump, home)
            total, solid, blamed, quick = bluepane(ours, dump)
            label = os.path.basename(dump).removesuffix(".dmp")
            print(
                f"| {label} | {code} | {frames} | {total} ({solid}) | {name} | {blamed} | {took * 1000:.0f} | {quick * 1000:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
