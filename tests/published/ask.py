"""Asks each endpoint several times and notes how often each statement ran meanwhile.

usage: ask.py PORT REQUESTS.json SIZE COUNTS.json

The counts are those of pg_stat_statements, which is emptied before each endpoint. The database is
PGDATABASE; its server is asked at COUNTS_PORT, which is not delayed.
"""

import http.client
import json
import os
import subprocess
import sys
import time

# What an application does once, for a new process or a new path, is done by then.
WARM_UP = 3
REQUESTS = 10


def main():
    port, described, size, into = int(sys.argv[1]), json.load(open(sys.argv[2])), int(sys.argv[3]), sys.argv[4]
    wait_until_ready(port, described)
    noted = []
    for asked in described["endpoints"]:
        for _ in range(WARM_UP):
            ask(port, described["headers"], asked, size)
        query("SELECT pg_stat_statements_reset()")
        for _ in range(REQUESTS):
            ask(port, described["headers"], asked, size)
        noted.append({"endpoint": asked["endpoint"], "requests": REQUESTS, "asked": WARM_UP + REQUESTS, "counts": counts()})
    json.dump(noted, open(into, "w"))


def wait_until_ready(port, described):
    """A server may listen before it answers."""
    for _ in range(100):
        try:
            return ask(port, described["headers"], {"request": described["ready"]}, 0)
        except (OSError, http.client.HTTPException, RuntimeError):
            time.sleep(0.3)
    raise SystemExit(f"{described['ready']} gives no answer")


def ask(port, headers, asked, size):
    method, path = asked["request"].split(" ")
    body = None
    if "each" in asked:
        # A request that brings the data: one entry for each object.
        entries = [json.dumps(asked["each"]).replace("{n}", str(number)) for number in range(size)]
        body = json.dumps(asked["body"]).replace('"{each}"', ", ".join(entries))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body, {**headers, "Content-Type": "application/json"})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    if answer.status >= 300:
        raise RuntimeError(f"{asked['request']}: {answer.status} {content[:300]}")


def counts():
    database = os.environ["PGDATABASE"]
    rows = query(
        "SELECT coalesce(json_agg(json_build_object('text', query, 'calls', calls)), '[]') FROM pg_stat_statements"
        f" WHERE dbid = (SELECT oid FROM pg_database WHERE datname = '{database}')"
    )
    return json.loads(rows)


def query(text):
    command = ["psql", "--no-psqlrc", "-At", "--port", os.environ["COUNTS_PORT"], "--dbname", "postgres", "--command", text]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


main()
