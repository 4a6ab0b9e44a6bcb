"""What the comparisons with ntoseye share: asking it and bluepane about a dump, both without a network.

Of ntoseye, whose calls home are sent to a closed port, the text of `!analyze -v` is read; of bluepane the JSON report.
Times are the best of nine runs, whole processes, by the clock.
"""

import json
import os
import re
import subprocess
import time

RUNS = 9


def timed(command, env, runs=RUNS):
    best, out = None, ""
    for _ in range(runs):
        begun = time.perf_counter()
        ran = subprocess.run(command, env=env, capture_output=True, text=True, errors="replace", timeout=300)
        took = time.perf_counter() - begun
        best = took if best is None else min(best, took)
        out = ran.stdout
    return out, best


def ntoseye(tool, dump, home, more=()):
    """What it prints, the words behind the addresses of its frames, whom it names, and how long it took."""
    dead = "http://127.0.0.1:9"
    env = {**os.environ, "HOME": home, "HTTPS_PROXY": dead, "https_proxy": dead, "NO_COLOR": "1"}
    out, took = timed([tool, "--dump", dump, *more, "--batch", "-c", "!analyze -v"], env)
    stack = re.search(r"^stack\n((?:  .*\n)*)", out, re.M)
    frames = re.findall(r"^  [0-9a-f]{2}  [0-9a-f]{8,16}(?:  (\S+))?", stack.group(1), re.M) if stack else []
    culprit = re.search(r"^  culprit  +(\S+)", out, re.M)
    sure = re.search(r"^  confidence  +(\S+)", out, re.M)
    name = f"{culprit.group(1)} ({sure.group(1) if sure else '?'})" if culprit else "nobody"
    return out, frames, name, took


def bluepane(tool, dump, symbols=()):
    """The frames of its report, whom it names, and how long it took."""
    command = [tool, dump, "--format", "json"]
    for file in symbols:
        command += ["--symbols", file]
    out, took = timed(command, dict(os.environ))
    report = json.loads(out)
    blame = report.get("blame")
    name = f"{blame['module']} ({blame['confidence']})" if blame else "nobody, and why"
    return report.get("stack", {}).get("frames", []), name, took
