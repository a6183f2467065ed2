"""`compare.py OURS THEIRS`: folded stacks of a recording as whyslow names them, and as `perf script` does; both must be the same.

Left out is what only one of them tells: functions of the kernel and of the vdso (perf has their symbols), inlined functions (whyslow
reads debug information), and versions behind symbols."""

import re
import sys
from collections import Counter


def frame(text):
    """A frame as both tell it; `None` where only one does."""
    if text.endswith(("_[k]", "_[i]")) or text.startswith(("[vdso]", "__vdso_")):
        return None
    return re.sub(r"_\[.\]$", "", text).split("@")[0]


def stacks(path):
    sums = Counter()
    for line in open(path):
        stack, value = line.rstrip("\n").rsplit(" ", 1)
        frames = (frame(part) for part in stack.split(";"))
        sums[";".join(part for part in frames if part)] += int(value)
    return sums


def main():
    ours, theirs = map(stacks, sys.argv[1:])
    differing = [stack for stack in ours.keys() | theirs.keys() if ours[stack] != theirs[stack]]
    for stack in sorted(differing):
        print(f"{ours[stack]} here, {theirs[stack]} by perf: {stack}")
    named = sum(value for stack, value in ours.items() if "[" not in stack)
    print(f"{len(ours)} stacks, {100 * named / sum(ours.values()):.0f} % of the time in stacks that are all named")
    sys.exit(1 if differing or named == 0 else 0)


main()
