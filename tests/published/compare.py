"""Compares the loops in a report with what the database counted for small and for large data.

usage: compare.py NAME FILES SMALL LARGE SHAPE_IDS

Counts and findings are joined by the id of the statement's shape, which whyslow's own normaliser gives to
the texts of pg_stat_statements. For each endpoint:

- A statement *grows* when one request runs it more often with the large data than with the small, by at
  least a tenth of the objects that came. Nothing else about it counts: not its text, not its values, not
  how fast it is.
- What grows must be found, and nothing else: the subjects of n-plus-one with the large data, and of
  repeated-query for what grows with the same values each time. Both for one statement is one too many.
- Findings are told by the time that they give back. A loop that n-plus-one sees and that is dismissed,
  because it gives back too little or its time is explained by another finding, counts as found and is
  listed. That it is a loop is what the database can confirm; whether it is worth a finding is not.
- A statement that one request runs fewer than 5 times even with the large data is no loop yet; it is
  listed, too.
"""

import json
import subprocess
import sys

LOOPS = ("n-plus-one", "repeated-query")
REPEATS_MIN = 5


def main():
    name, files, small, large, shape_ids = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
    counted = {size: json.load(open(f"{files}.{size}.counts.json")) for size in (small, large)}
    report = json.load(open(f"{files}.{large}.report.json"))
    ids = Ids(shape_ids)
    wrong = []
    print(f"\n{name}: loops by pg_stat_statements ({small} and {large} objects) and by whyslow\n")
    print(f"  {'endpoint':<58} {'statements':>12} {'grow':>5} {'found':>6} {'cheap':>6}")
    for before, after in zip(counted[small], counted[large]):
        endpoint = Endpoint(before, after, report, ids, (large - small) / 10)
        print(f"  {endpoint.name:<58} {endpoint.total:>12} {len(endpoint.growing):>5} {len(endpoint.found):>6} {len(endpoint.dismissed):>6}")
        for note in endpoint.notes:
            print(f"      {note}")
        wrong += endpoint.wrong
    for line in wrong:
        print(f"WRONG {line}")
    if wrong:
        raise SystemExit(1)


class Ids:
    """Shape ids by text."""

    def __init__(self, program):
        self.program = program

    def of(self, texts):
        asked = subprocess.run([self.program], input=json.dumps(texts), check=True, capture_output=True, text=True)
        return json.loads(asked.stdout)


class Endpoint:
    def __init__(self, before, after, report, ids, least):
        self.name = after["endpoint"]
        self.wrong, self.notes = [], []
        texts = {}
        small, large = per_request(before, ids, texts), per_request(after, ids, texts)
        self.total = f"{sum(small.values()):.0f} to {sum(large.values()):.0f}"
        self.growing = {id: times for id, times in large.items() if times - small.get(id, 0) >= least}
        self.find(report, ids, texts)
        self.expect_requests(report, after["asked"])
        self.judge(large, texts)

    def find(self, report, ids, texts):
        mine = lambda entries: [entry for entry in entries if entry["endpoint"] == self.name and entry["detector"] in LOOPS]
        told = mine(report["findings"])
        self.by_detector = {(finding["detector"], finding["subject"]["shape"]) for finding in told}
        texts.update({finding["subject"]["shape"]: finding["subject"]["text"] for finding in told})
        dismissed = [entry for entry in mine(report["dismissed"]) if is_loop(entry["reason"])]
        shapes = ids.of([entry["subject"] for entry in dismissed])
        texts.update(zip(shapes, (entry["subject"] for entry in dismissed)))
        self.reasons = dict(zip(shapes, (entry["reason"] for entry in dismissed)))
        self.found = {shape for detector, shape in self.by_detector if detector == "n-plus-one" or shape in self.growing}
        self.dismissed = {
            shape for shape, entry in zip(shapes, dismissed) if entry["detector"] == "n-plus-one" or shape in self.growing
        } - self.found

    def expect_requests(self, report, asked):
        seen = [endpoint["requests"] for endpoint in report["endpoints"] if endpoint["name"] == self.name]
        if seen != [asked]:
            self.wrong.append(f"{self.name}: asked {asked} times, seen {seen}")

    def judge(self, large, texts):
        for shape in sorted(self.growing.keys() - self.found - self.dismissed):
            line = f"{self.growing[shape]:g} times in a request: {shorten(texts[shape])}"
            if self.growing[shape] < REPEATS_MIN:
                self.notes.append(f"no loop yet, {line}")
            else:
                self.wrong.append(f"{self.name}: not found, {line}")
        for shape in sorted((self.found | self.dismissed) - self.growing.keys()):
            line = f"{large.get(shape, 0):g} times in a request: {shorten(texts[shape])}"
            self.wrong.append(f"{self.name}: does not grow, {line}")
        for shape in sorted(self.dismissed & self.growing.keys()):
            self.notes.append(f"seen and {self.reasons[shape]}: {shorten(texts[shape])}")
        for shape in sorted({shape for _, shape in self.by_detector}):
            if {(detector, shape) for detector in LOOPS} <= self.by_detector:
                self.wrong.append(f"{self.name}: found twice, {shorten(texts[shape])}")


def per_request(noted, ids, texts):
    """How often one request runs each shape."""
    times = {}
    rows = noted["counts"]
    for shape, row in zip(ids.of([row["text"] for row in rows]), rows):
        times[shape] = times.get(shape, 0) + row["calls"] / noted["requests"]
        texts.setdefault(shape, row["text"])
    return times


def is_loop(reason):
    """Whether a dismissal says that the loop is there and only not worth telling."""
    return reason.startswith(("gives back", "explained by"))


def shorten(text):
    text = " ".join(text.split())
    if len(text) <= 110:
        return text
    at = text.find(" FROM ")
    return f"{text[:30]} … {text[at + 1:][:80]}" if at > 30 else text[:110]


main()
