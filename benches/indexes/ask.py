"""Asks whyslow for advice on each statement, and writes it as `measure.py advice` takes it.

usage: ask.py PROGRAM INPUTS OUTPUT [--prove]

INPUTS is what `run.sh inputs` wrote. With --prove the database that PG* variables name is asked, too, and indexes are built there.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

CONCURRENTLY = re.compile(r"\bCONCURRENTLY\s+(IF NOT EXISTS\s+)?", re.IGNORECASE)


def main(program, inputs, output, *options):
    advice, failed = {}, 0
    for sql in sorted(pathlib.Path(inputs).glob("*.sql")):
        plan = sql.with_suffix(".plan.json")
        asked = subprocess.run([program, "index", str(sql), str(plan), "--format", "json", *live(options)],
                               capture_output=True, text=True)
        if asked.returncode:
            failed += 1
            print(f"{sql.stem}: {asked.stderr.strip()}", file=sys.stderr)
            continue
        told = json.loads(asked.stdout)
        advice[sql.stem] = [CONCURRENTLY.sub("", one["ddl"]).rstrip(";") for one in told["proposals"]]
        disproved = [f"{one['ddl']}: {one['reason']}" for one in told["disproved"]]
        print(sql.stem, advice[sql.stem] or "nothing", *disproved, sep="; ", flush=True)
    pathlib.Path(output).write_text(json.dumps(advice, indent=1) + "\n")
    return 1 if failed else 0


def live(options):
    """Options of a run that asks the server and proves what it proposes."""
    if "--prove" not in options:
        return []
    host, database = os.environ["PGHOST"], os.environ["PGDATABASE"]
    address = f"host={host} port={os.environ['PGPORT']} user={os.environ['PGUSER']} dbname={database}"
    return ["--db", address, "--prove", "--build-on", f"{host}/{database}"]


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
