"""What the pages of the browser test are drawn from."""

import json
import random

HOSTILE = "</script><script>window.ran = 1</script><img src=x onerror='window.ran = 1'><b>{{script}}"

# The same function below itself, and one function below two others.
CALLS = {"main;a": 20, "main;a;b": 30, "main;c;b": 40, "main;c;b;b": 10}

BEFORE = {"m;x": 5000, "m;y": 4000, "m;gone": 1000}
AFTER = {"m;x": 10000, "m;y": 8000, "m;new": 2000}


def write(folder):
    """Writes all inputs; gives the arguments of the program by page."""

    def folded(name, stacks):
        path = folder / f"{name}.folded"
        path.write_text("".join(f"{stack} {value}\n" for stack, value in stacks.items()))
        return path

    before, after = folded("before", BEFORE), folded("after", AFTER)
    measures = folder / "measures.json"
    measures.write_text(json.dumps(two_measures()))
    return {
        "calls": [folded("calls", CALLS)],
        "difference": ["--compare", before, after],
        "requests": ["--compare", before, after, "--requests", "100", "200"],
        "noise": ["--compare", folded("quiet", {"m;luck": 100, "m;slow": 100, "m;rest": 9800}), folded("loud", {"m;luck": 115, "m;slow": 300, "m;rest": 9585})],
        "measures": [measures],
        "hostile": [folded("hostile", {f"main;{HOSTILE}": 1, "main;__proto__;constructor": 1})],
        "endless": [folded("endless", {"main;" + "a" * 200 + "!": 1, "main;rest": 1})],
        "unseen": [unseen(folder)],
        "threads": [threads(folder)],
        "time": [calls_in_time(folder)],
        "large": [folded("large", large())],
        "deep": [folded("deep", {";".join(f"f{depth}" for depth in range(5000)): 7})],
    }


def two_measures():
    """A profile of time and of memory, as speedscope writes it."""

    def sampled(name, unit, weights):
        return {"type": "sampled", "name": name, "unit": unit, "startValue": 0, "endValue": sum(weights), "samples": [[0], [0, 1]], "weights": weights}

    return {
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "shared": {"frames": [{"name": "main"}, {"name": "work", "file": "work.py", "line": 3}]},
        "profiles": [sampled("wall", "milliseconds", [1, 2]), sampled("alloc", "bytes", [1024, 2048])],
    }


def unseen(folder):
    """A profile whose names would turn round what is beside them."""
    names = ["main", "a\u202eexe.b", "tab\tulator\u2066"]
    profile = {"type": "sampled", "name": "x", "unit": "none", "startValue": 0, "endValue": 3, "samples": [[0, 1], [0, 2]], "weights": [1, 2]}
    path = folder / "unseen.json"
    path.write_text(json.dumps({
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "shared": {"frames": [{"name": name} for name in names]}, "profiles": [profile],
    }))
    return path


def threads(folder):
    """Text of `perf script`, in which processes are above functions."""
    path = folder / "threads.txt"
    path.write_text("shop 1 1.0: 5 cpu-clock: \n\tffff main+0x1 (/bin/shop)\n\tfff0 start+0x1 (/bin/shop)\n\n")
    return path


def calls_in_time(folder):
    """`a` is called twice in a row, and nothing runs from 9 to 12."""
    events = [("O", 0, 0), ("O", 1, 2), ("C", 1, 5), ("O", 1, 5), ("C", 1, 7), ("C", 0, 9), ("O", 1, 12), ("C", 1, 13)]
    profile = {
        "type": "evented", "name": "t", "unit": "milliseconds", "startValue": 0, "endValue": 13,
        "events": [{"type": what, "frame": frame, "at": at} for what, frame, at in events],
    }
    path = folder / "time.json"
    path.write_text(json.dumps({
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "shared": {"frames": [{"name": "main"}, {"name": "a"}]}, "profiles": [profile],
    }))
    return path


def large():
    """More than 400,000 nodes of 4,000 functions: calls that part early and go deep."""
    chance = random.Random(7)
    names = [f"{'fgh'[number % 3]}{number}::{number * 7919 % 1000}" for number in range(4000)]
    stacks, stack, nodes = {}, [], 0
    while nodes < 420_000:
        kept = chance.randint(1, max(1, len(stack) - 1))
        depth = chance.randint(kept + 1, 60) if kept < 60 else 60
        stack = stack[:kept] + [chance.choice(names) for _ in range(kept, depth)]
        nodes += depth - kept
        stacks[";".join(stack)] = chance.randint(1, 50)
    return stacks
