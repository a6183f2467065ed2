"""Measures what indexes give, and what advice about indexes is worth. Run by run.sh, on the database that PG* names.

usage: measure.py truth [ID...] | advice FILE [--offline] | inputs FOLDER

Ends with 0, with 1 where advice is not good enough or the truth is doubtful, with 2 where something cannot be read.
"""

import argparse
import datetime
import json
import pathlib
import sys

import psycopg

import read_statements as files
import verdicts
from server import Server

TRUTH = files.FOLDER / "truth.tsv"
COLUMNS = ["id", "kind", "helpable", "indexes", "used", "cpu_ms", "blocks", "factor_cpu", "factor_blocks", "index_kb", "ddl"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("truth").add_argument("id", nargs="*")
    advice = commands.add_parser("advice")
    advice.add_argument("file")
    advice.add_argument("--offline", action="store_true", help="the bars of advice from plans and texts alone")
    commands.add_parser("inputs").add_argument("folder", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.command == "truth":
        return truth(arguments.id)
    if arguments.command == "inputs":
        return inputs(arguments.folder)
    return judged(advice_of(arguments.file), verdicts.OFFLINE if arguments.offline else verdicts.PROVED)


def truth(chosen):
    """Measures each statement without an index and with each set of its file, and writes that to truth.tsv."""
    server = Server()
    measured, doubts = {}, []
    for statement in files.read(chosen):
        without = server.cost(statement)
        costs = [server.cost(statement, indexes) for indexes in statement.indexes]
        rows = [row(statement, "none", without, without, [])]
        for number, (indexes, cost) in enumerate(zip(statement.indexes, costs)):
            name = "best" if statement.helpable and number == 0 else "tried"
            rows.append(row(statement, name, without, cost, indexes))
        doubts += doubted(statement, without, costs)
        measured[statement.id] = ["\t".join(each) for each in rows]
        print("\n".join(measured[statement.id]), flush=True)
    write_truth(server.version(), measured)
    for doubt in doubts:
        print(f"doubtful: {doubt}", file=sys.stderr)
    return 1 if doubts else 0


def write_truth(version, measured):
    """What was not measured now stays as it was measured before."""
    kept = TRUTH.read_text().splitlines()[2:] if TRUTH.exists() else []
    lines = [f"# PostgreSQL {version}, {datetime.date.today()}; README.md says what is measured", "\t".join(COLUMNS)]
    for statement in files.read():
        lines += measured.get(statement.id) or [line for line in kept if line.split("\t")[0] == statement.id]
    TRUTH.write_text("\n".join(lines) + "\n")


def row(statement, name, without, cost, indexes):
    """One line of truth.tsv. Factors say how many times less it is than without."""
    return [
        statement.id, statement.kind, "yes" if statement.helpable else "no", name,
        ",".join("yes" if used else "no" for used in cost.used) or "-",
        f"{cost.cpu_ms:.3f}", str(cost.blocks),
        f"{without.cpu_ms / max(cost.cpu_ms, 0.001):.1f}", f"{without.blocks / max(cost.blocks, 1):.1f}",
        str(cost.bytes // 1024), "; ".join(indexes) or "-",
    ]


def doubted(statement, without, costs):
    """Where what was measured contradicts what the files say."""
    told = [verdicts.verdict(without, costs[0], cost) for cost in costs]
    if not statement.helpable:
        return [f"{statement.id}: is helped by {'; '.join(indexes)}"
                for indexes, verdict in zip(statement.indexes, told) if verdict.helped]
    doubts = []
    if not told[0].helped or not all(costs[0].used):
        doubts.append(f"{statement.id}: the best is not used or does not help")
    least = min(costs, key=lambda cost: cost.cpu_ms)
    if costs[0].cpu_ms > max(1.5 * least.cpu_ms, least.cpu_ms + 0.05):
        doubts.append(f"{statement.id}: better than the best: {'; '.join(statement.indexes[costs.index(least)])}")
    return doubts


def advice_of(file):
    """The advice to measure: for each id of a statement a list of DDL; statements without advice are left out.

    What `whyslow index` writes as JSON is brought into this form here.
    """
    advice = json.loads(pathlib.Path(file).read_text())
    for id, indexes in advice.items():
        if not isinstance(indexes, list) or not all(isinstance(ddl, str) and files.BUILDS.match(ddl) for ddl in indexes):
            raise ValueError(f"{file}: {id}: not a list of CREATE INDEX")
    return {id: indexes for id, indexes in advice.items() if indexes}


def judged(advice, bars):
    """Measures advice beside what is best, both now, on this machine."""
    statements = files.read()
    unknown = set(advice) - {statement.id for statement in statements}
    if unknown:
        raise ValueError(f"no statements: {sorted(unknown)}")
    server = Server()
    told = {statement.id: judged_one(server, statement, advice.get(statement.id)) for statement in statements}
    print()
    rows = verdicts.by_kind(statements, told)
    verdicts.print_table(rows)
    return 0 if verdicts.met(rows[-1], bars) else 1


def judged_one(server, statement, indexes):
    """The verdict on the advice for one statement, and a line that says why."""
    if indexes is None:
        print(f"{statement.id}: nothing suggested", flush=True)
        return verdicts.Verdict()
    without = server.cost(statement)
    best = server.cost(statement, statement.indexes[0]) if statement.helpable else None
    try:
        cost = server.cost(statement, indexes)
        if verdicts.close(without, cost):
            without, cost = without.or_less(server.cost(statement)), cost.or_less(server.cost(statement, indexes))
    except psycopg.Error as error:
        # An index that cannot be built, or a statement that takes far longer with it.
        too_long = isinstance(error, psycopg.errors.QueryCanceled)
        told = verdicts.Verdict(suggested=True, harmful=too_long, useless=not too_long)
        print(f"{statement.id}: {told.words()}: {str(error).splitlines()[0]}: {'; '.join(indexes)}", flush=True)
        return told
    told = verdicts.verdict(without, best, cost)
    known = f", best {best.cpu_ms:.3f} ms {best.blocks} blocks" if best else ""
    print(f"{statement.id}: {told.words()}: {without.cpu_ms:.3f} to {cost.cpu_ms:.3f} ms, {without.blocks} to {cost.blocks} "
          f"blocks{known}, used {cost.used}, {cost.bytes // 1024} kB: {'; '.join(indexes)}", flush=True)
    return told


def inputs(folder):
    """What an adviser without a connection may read: the text and the executed plan of each statement."""
    server = Server()
    folder.mkdir(parents=True, exist_ok=True)
    for statement in files.read():
        (folder / f"{statement.id}.sql").write_text(f"{statement.sql};\n")
        plan = server.plan(statement, "TIMING ON")
        (folder / f"{statement.id}.plan.json").write_text(json.dumps([plan], indent=2) + "\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ValueError, OSError, psycopg.OperationalError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
