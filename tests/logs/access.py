"""Compares the access logs of one server, as whyslow reads them, with what the clients counted and measured.

usage: access.py FOLDER WHYSLOW

FOLDER holds logs under fixtures/formats, and in measured-*.tsv for each log what its clients sent: method, path, status
and milliseconds of each request.

- Requests and failures of each endpoint are as many as the clients counted; nothing else is in the log, and what is no
  request is skipped.
- The median of each endpoint is at most what clients measured, but for what a server's clock rounds up, and at least
  what the application takes.
"""

import collections
import json
import pathlib
import re
import statistics
import subprocess
import sys

# What log_backend.py takes at least, in milliseconds.
LEAST = {"GET /orders/{id}": 40, "GET /report": 250, "POST /cart": 10}
# Logs cut or round times to milliseconds.
ROUNDED = 2


def endpoint(method, path):
    path = path.split("?")[0]
    return f"{method} {re.sub(r'/[0-9]+', '/{id}', path)}"


def counted(file):
    requests = collections.defaultdict(list)
    for line in file.read_text().splitlines():
        method, path, status, took = line.split("\t")
        requests[endpoint(method, path)].append((int(status) >= 500, float(took)))
    return requests


def read(whyslow, log):
    told = subprocess.run([whyslow, "diagnose", log, "--format", "json"], check=True, capture_output=True)
    report = json.loads(told.stdout)
    services = {one["service"] for one in report["endpoints"]}
    # Of a request and the one that it is passed on as, the first is the client's.
    front = [one for one in report["endpoints"] if not {"upstream", "shop"} & {one["service"]} or len(services) == 1]
    return {one["name"]: one for one in front}


def compare(whyslow, log, sent):
    endpoints, problems = read(whyslow, log), []
    of_gunicorn = "gunicorn" in log.parts[-2] or "gunicorn" in log.name
    for name, requests in sent.items():
        if "%" in name:
            continue
        told = endpoints.pop(name, None)
        # The small application of gunicorn answers everything alike.
        failed = 0 if of_gunicorn else sum(failed for failed, _ in requests)
        if told is None or (told["requests"], told["errors"]) != (len(requests), failed):
            problems.append(f"{name}: {told and (told['requests'], told['errors'])} instead of {len(requests), failed}")
            continue
        median = told["latency_ns"]["p50"] / 1e6
        most = statistics.median_high(took for _, took in requests) * 1.02 + ROUNDED
        least = 20 if of_gunicorn else LEAST.get(name, 0)
        if not least * 0.98 <= median <= most:
            problems.append(f"{name}: median {median:.1f} ms, not between {least} and {most:.1f}")
    others = [name for name in endpoints if "{}" not in name]
    if others:
        problems.append(f"nobody sent {others}")
    return problems


def main():
    folder, whyslow = pathlib.Path(sys.argv[1]), sys.argv[2]
    logs = sorted((folder / "fixtures/formats").glob("*/*.log"))
    failed = not logs
    for log in logs:
        sent = counted(folder / f"measured-{log.parent.name}-{log.stem}.tsv")
        problems = compare(whyslow, log, sent)
        failed |= bool(problems)
        print(f"{log.parent.name}/{log.name}: {sum(map(len, sent.values()))} requests: {'; '.join(problems) or 'as sent'}")
    for queue in folder.glob("fixtures/access-logs/haproxy-queue.log.zst"):
        told = subprocess.run([whyslow, "diagnose", queue, "--format", "json"], check=True, capture_output=True)
        found = [(one["detector"], one["service"]) for one in json.loads(told.stdout)["findings"]]
        failed |= found != [("worker-starvation", "web")]
        print(f"800 requests at once for two places: {found}")
    sys.exit(failed)


main()
