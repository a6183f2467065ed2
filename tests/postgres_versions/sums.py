"""Adds up the times of recorded plans as whyslow tells them: usage: sums.py WHYSLOW FOLDER.

In each plan that was executed the nodes' own times and what lies outside of them must be the execution time. What is
unexplained must be little in one execution of a statement at least: a machine that does other work keeps some of them waiting.
"""

import json
import pathlib
import subprocess
import sys

# Starting and ending an execution takes so many nanoseconds, however short it is.
STARTING = 3_000_000


def main(whyslow, folder):
    wrong = []
    executed = 0
    unexplained = {}
    for path in sorted(pathlib.Path(folder).iterdir()):
        output = subprocess.run(
            [whyslow, "plan", "--format", "json", path], capture_output=True, text=True, check=False
        )
        if output.returncode not in (0, 1):
            wrong.append(f"{path.name}: {output.stderr}")
            continue
        for plan in json.loads(output.stdout)["plans"]:
            if plan["basis"] == "measured":
                executed += 1
                wrong.extend(f"{path.name}: {reason}" for reason in faults(plan))
                unexplained.setdefault(path.name.split(".")[0], []).append(rest(plan))
    for name, rests in unexplained.items():
        if min(rests) > 0:
            wrong.append(f"{name}: at least {min(rests)} ns are unexplained in each execution")
    print(f"{executed} executed plans add up" if not wrong else "\n".join(wrong))
    return 1 if wrong or executed < 100 else 0


def faults(plan):
    total = sum(node["self_ns"] for node in plan["nodes"]) + sum(part["ns"] for part in plan["outside"])
    if abs(total - plan["execution_ns"]) > len(plan["nodes"]):
        yield f"{total} ns of {plan['execution_ns']} ns"


def rest(plan):
    """What is unexplained beyond what may be."""
    ns = sum(part["ns"] for part in plan["outside"] if part["what"] == "unexplained")
    return max(0, ns - max(STARTING, plan["execution_ns"] // 5))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
