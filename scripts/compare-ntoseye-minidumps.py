"""ntoseye and bluepane on the same minidumps, both without a network: stop code, frames, culprit, time.

Usage: compare-ntoseye-minidumps.py NTOSEYE BLUEPANE DUMP...; prints a table in Markdown.
"""

import os
import re
import sys
import tempfile

from side_by_side import bluepane, ntoseye


def main():
    theirs, ours, *dumps = sys.argv[1:]
    print("| dump | code | frames: ntoseye | bluepane (more than possible) | culprit: ntoseye | bluepane | ms: ntoseye | bluepane |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as home:
        for dump in dumps:
            out, frames, name, took = ntoseye(theirs, dump, home)
            code = re.search(r"\((0x[0-9a-f]+)\)", out)
            own, blamed, quick = bluepane(ours, dump)
            solid = sum(frame["confidence"] != "possible" for frame in own)
            label = os.path.basename(dump).removesuffix(".dmp")
            print(
                f"| {label} | {code.group(1) if code else '?'} | {len(frames)} | {len(own)} ({solid}) | {name} | {blamed} | {took * 1000:.0f} | {quick * 1000:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
