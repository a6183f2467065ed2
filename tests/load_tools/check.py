"""Compares what whyslow reads of an output with what is known: notes of the server, or a number of milliseconds.

check.py WHYSLOW TOOL OUTPUT NOTES|MILLISECONDS SUBJECT
"""

import json
import statistics
import subprocess
import sys

whyslow, tool, output, known, subject = sys.argv[1:]
# What a client sees beside the server's own time: connections, the system, the tool's rounding to whole milliseconds.
BEYOND_MS = 5
SHARE = 1.0

told = subprocess.run(
    [whyslow, "compare", output, output, "--format", "json"], check=True, capture_output=True, text=True
)
comparison = json.loads(told.stdout)
assert comparison["before"]["tools"] == [tool], comparison["before"]["tools"]
metrics = {(one["subject"], one["metric"]): one["before"] for one in comparison["metrics"]}
values = metrics.get((subject, "p50")) or metrics[subject, "mean"]
found = statistics.median(values) / 1e9

try:
    expected = float(known)
except ValueError:
    with open(known, encoding="utf-8") as notes:
        served = [float(line) for line in notes]
    assert len(served) >= 50, f"the server saw {len(served)} requests"
    expected = statistics.median(served)

print(f"{tool:17} {output.rsplit('/', 1)[-1]:18} read {found:7.2f} ms, known {expected:7.2f} ms")
if not expected - 1 <= found <= expected * (1 + SHARE) + BEYOND_MS:
    sys.exit(f"error: {tool}: {found} ms is not what the server noted")
