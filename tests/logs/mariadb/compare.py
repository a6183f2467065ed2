"""Compares what is counted in a log of MariaDB with the server's performance_schema, under one setting.

usage: compare.py NAME LOGGED FOLDER WHYSLOW SHAPE_IDS

Where every execution is logged, executions, rows and rows read of each statement (by the id of its shape, which whyslow's
lexer gives to the server's texts, too) must be the same. What differs by design:

- The server does not tell the text of statements that it prepared for a driver: what the log has more must be as many
  executions and rows as the server counted of these together.
- EXECUTE of SQL is logged as the statement that was prepared.
- A procedure's statements are counted in its CALL by the log, and by the server apart. With
  log_slow_disabled_statements = '' they are in the log as well, with NAME_CONST('q', 1) where the server's text has the
  variable: all of these must be as many as all that the server counted within procedures, with as many rows read. Rows
  changed there the server tells of the CALL alone.
- The general log has executions alone, and no statement whose text the server could not parse is in the other one.
"""

import json
import subprocess
import sys

# What mixed.sql executes by EXECUTE.
EXECUTED = "SELECT * FROM orders WHERE id = 42"


def main():
    name, logged, folder, whyslow, shape_ids = sys.argv[1:]
    report = diagnosed(whyslow, f"{folder}/server.log")
    own = of_log(report)
    server, driver, nested = of_server(f"{folder}/counts.jsonl", shape_ids)
    wrong = []
    if report["skipped"]["records"]:
        wrong.append(f"{report['skipped']['records']} records skipped: {report['skipped']['first'][:2]}")
    if report["logged"]["rest"]["statements"]:
        wrong.append("more statements than are listed")
    if logged == "some":
        executions = sum(count for _, count, _, _ in own.values())
        if not 0 < executions < sum(count for _, count, _, _ in server.values()) + driver[0]:
            wrong.append(f"{executions} executions")
    else:
        nested = nested if logged == "nested" else (0, 0, 0)
        wrong += different(own, server, driver, nested, rows=logged != "begins")
    total = sum(count for _, count, _, _ in server.values()) + driver[0]
    told = report["logged"]
    print(
        f"  {name:<12} {logged:<7} server {total:>4} executions   log {told['executions']:>4}, of which {told['untimed']:>4} without"
        f" a duration, {sum(read for _, _, _, read in own.values()):>7} rows read   {'WRONG' if wrong else 'same'}"
    )
    for line in wrong[:20]:
        print(f"WRONG {name}: {line}")
    raise SystemExit(1 if wrong else 0)


def different(own, server, driver, nested, rows):
    """What is not the same; of statements that a driver prepared all together."""
    wrong, more, of_procedures = [], [0, 0, 0], [0, 0, 0]
    for shape in sorted(set(own) | set(server)):
        text, *log = own.get(shape, ("", 0, 0, 0))
        other, *counted = server.get(shape, ("", 0, 0, 0))
        if not rows or (text or other).startswith("CALL"):
            log[1:], counted[1:] = (0, 0), (0, 0)
        if "name_const(" in text:
            of_procedures = [one + two for one, two in zip(of_procedures, (log[0], 0, log[2]))]
        elif is_of_driver(text) and all(one >= two for one, two in zip(log, counted)):
            more = [sum(three) - two for *three, two in zip(more, log, counted)]
        elif log != counted:
            wrong.append(f"log {log}, server {counted} executions, rows, rows read of {(text or other)[:100]!r}")
    if more != (list(driver) if rows else [driver[0], 0, 0]):
        wrong.append(f"log {more}, server {driver} executions, rows, rows read of what a driver prepared")
    nested = [nested[0], 0, nested[2]]
    if of_procedures != nested:
        wrong.append(f"log {of_procedures}, server {nested} executions, rows, rows read within procedures")
    return wrong


def is_of_driver(text):
    """What sessions.pl sends with values."""
    starts = ("SELECT id, ", "SELECT status, ", "INSERT INTO orders", "UPDATE products SET stock = stock + ? WHERE id = ?")
    return text.startswith(starts)


def diagnosed(whyslow, file):
    asked = subprocess.run([whyslow, "diagnose", "--format", "json", file], capture_output=True, text=True)
    if asked.returncode != 0:
        raise SystemExit(f"WRONG {file}: {asked.stderr}")
    return json.loads(asked.stdout)


def of_log(report):
    """Text, executions, rows and rows read by shape."""
    rows = {}
    for row in report["logged"]["by_time"]:
        if not is_of_test(row["text"]):
            add(rows, row["shape"], row["text"], row["executions"], row["rows"] or 0, row["rows_examined"] or 0)
    return rows


def of_server(file, shape_ids):
    """The same, and executions, rows and rows read of what a driver prepared, and of what procedures did."""
    events = [json.loads(line) for line in open(file)]
    driver, nested = (of_all(events, kind) for kind in ("statement/com/Execute", "statement/sp/stmt"))
    events = [event for event in events if event["event"].startswith("statement/sql/") and not is_of_test(event["text"])]
    texts = [EXECUTED if event["text"].startswith("EXECUTE ") else event["text"] for event in events]
    asked = subprocess.run([shape_ids, "mysql"], input=json.dumps(texts), check=True, capture_output=True, text=True)
    rows = {}
    for event, text, shape in zip(events, texts, json.loads(asked.stdout)):
        add(rows, shape, text, 1, event["rows"], event["examined"])
    return rows, driver, nested


def of_all(events, kind):
    values = [(1, event["rows"], event["examined"]) for event in events if event["event"] == kind]
    return tuple(sum(column) for column in zip(*values)) if values else (0, 0, 0)


def add(rows, shape, text, *values):
    before = rows.get(shape, ("", 0, 0, 0))
    rows[shape] = (text, *(one + two for one, two in zip(before[1:], values)))


def is_of_test(text):
    """What the script itself asks the server for."""
    return text.lower().startswith(("set global", "truncate performance_schema"))


if __name__ == "__main__":
    main()
