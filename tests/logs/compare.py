"""Compares counts of one setting: the forms of the log and its envelopes with each other, and with pg_stat_statements.

usage: compare.py NAME LOGGED FOLDER WHYSLOW SHAPE_IDS

Where every execution is logged, the calls of each statement (by the id of its shape, which whyslow's normaliser
gives to the texts of pg_stat_statements, too) must be the same. What differs by design:

- Statements that ended with an error are no calls for the server. Where their begin is logged they are executions
  for whyslow, which counts them as failed: these are taken off.
- PREPARE and DEALLOCATE of SQL are no calls for the server. EXECUTE is a call of what was prepared for both; the
  server keeps it under the text of PREPARE, whyslow under that of the statement in it.
- Of a transaction's BEGIN and COMMIT that a driver has prepared the server counts the first execution of each
  session only: pg_stat_statements clears the id of a utility statement in its cached plan when it is first run.
"""

import collections
import json
import pathlib
import re
import subprocess
import sys


# What mixed.sql executes by EXECUTE.
EXECUTED = "SELECT * FROM orders WHERE id = ?"


def main():
    name, logged, folder, whyslow, shape_ids = sys.argv[1:]
    wrong = []
    forms = sorted(file.name.split(".", 1)[1] for file in pathlib.Path(folder).glob("whole.*"))
    reports = {form: diagnosed(whyslow, f"{folder}/whole.{form}") for form in forms}
    first = figures(reports["json"], name == "verbosity_terse")
    for form, report in reports.items():
        if report["skipped"]["records"]:
            wrong.append(f"{form}: {report['skipped']['records']} records skipped: {report['skipped']['first'][:2]}")
        own = figures(report, name == "verbosity_terse")
        if own != first:
            wrong.append(f"{form} differs from json: {difference(own, first)}")
    calls = counted(json.load(open(f"{folder}/counts.json")), shape_ids)
    own = executions(reports["json"])
    told = reports["json"]["logged"]
    if logged in ("every", "begins", "begin"):
        for shape in sorted(set(calls) | set(own)):
            text = calls.get(shape, own.get(shape))[0]
            server, log = calls.get(shape, ("", 0))[1], own.get(shape, ("", 0))[1]
            if server != log and not (controls_transaction(text) and 0 < server < log):
                wrong.append(
                    f"server {server}, log {log} calls of {text[:100]!r}"
                )
    if logged == "begins" and told["executions"] - told["untimed"] == 0:
        wrong.append("no begin has found its duration")
    if logged == "durations" and (told["executions"] or not told["durations_alone"]):
        wrong.append(f"statements out of durations: {told['executions']}")
    if logged == "some" and not 0 < told["executions"] <= sum(calls for _, calls in calls.values()):
        wrong.append(f"{told['executions']} executions")
    total = sum(number for _, number in calls.values())
    if name == "sampled":
        scaled = diagnosed(whyslow, f"{folder}/whole.log", "--log-sample-rate", "0.3")["logged"]["executions"]
        # Four standard deviations of what chance leaves out.
        if abs(scaled - total) > total / 4:
            wrong.append(f"{scaled} executions, scaled by the rate of sampling")
    print(
        f"  {name:<20} {logged:<10} server {total:>5} calls   log {told['executions']:>5} executions,"
        f" {told['untimed']:>4} without a duration, {told['failed']:>3} failed, {told['durations_alone']:>5} bare durations,"
        f" {told['plans_alone']:>4} plans alone   {'WRONG' if wrong else 'same'}"
    )
    for line in wrong[:20]:
        print(f"WRONG {name}: {line}")
    raise SystemExit(1 if wrong else 0)


def diagnosed(whyslow, file, *options):
    words = [whyslow, "diagnose", "--format", "json", file, *options]
    asked = subprocess.run(words, capture_output=True, text=True)
    if asked.returncode != 0:
        raise SystemExit(f"WRONG {file}: {asked.stderr}")
    return json.loads(asked.stdout)


def figures(report, terse):
    """What must not depend on the form of the log."""
    logged = report["logged"]
    totals = ("failed", "untimed", "plans_alone", "durations_alone", "durations_alone_ns")
    rows = (row for row in logged["by_time"] if not is_of_test(row["text"]))
    if terse:
        # No DETAIL on stderr, which tells what EXECUTE executes.
        rows = (row for row in rows if not row["text"].startswith("EXECUTE") and row["text"] != EXECUTED)
    rows = sorted((row["shape"], row["executions"], row["failed"], row["time_ns"], row["prepare_ns"]) for row in rows)
    return {"totals": {key: logged[key] for key in totals}, "rows": rows, "rest": logged["rest"]}


def difference(one, other):
    rows = collections.Counter(one["rows"])
    rows.subtract(collections.Counter(other["rows"]))
    totals = {key: (value, other["totals"][key]) for key, value in one["totals"].items() if value != other["totals"][key]}
    return totals, {row: number for row, number in rows.items() if number}


def executions(report):
    """Executions that ended well, by shape."""
    assert report["logged"]["rest"]["statements"] == 0, "more statements than are listed"
    by_shape = {}
    for row in report["logged"]["by_time"]:
        _, known = by_shape.get(row["shape"], ("", 0))
        failed = row["failed"] if row["executions"] >= row["failed"] and report["logged"]["untimed"] else 0
        by_shape[row["shape"]] = (row["text"], known + row["executions"] - failed)
    return {shape: value for shape, value in by_shape.items() if value[1] and not is_of_test(value[0])}


def counted(rows, shape_ids):
    texts = [prepared(row["query"]) for row in rows]
    ids = subprocess.run([shape_ids], input=json.dumps(texts), check=True, capture_output=True, text=True)
    by_shape = {}
    for row, shape in zip(rows, json.loads(ids.stdout)):
        _, known = by_shape.get(shape, ("", 0))
        by_shape[shape] = (prepared(row["query"]), known + row["calls"])
    return {shape: value for shape, value in by_shape.items() if not is_of_test(value[0])}


def prepared(text):
    """The statement that PREPARE is about."""
    found = re.match(r"PREPARE \w+(?:\([^)]*\))? AS (.*)", text, re.DOTALL)
    return found[1] if found else text


def controls_transaction(text):
    return text.split()[0].upper() in ("BEGIN", "COMMIT")


def is_of_test(text):
    """What the script itself asks the server for, and what the server does not count."""
    marks = ("pg_stat_statements", "pg_reload_conf", "pg_rotate_logfile", "alter system")
    return any(mark in text.lower() for mark in marks) or text.startswith(("PREPARE ", "DEALLOCATE "))


if __name__ == "__main__":
    main()
