"""The statements of the benchmark, read from statements/*.toml and checked."""

import dataclasses
import pathlib
import re
import tomllib

FOLDER = pathlib.Path(__file__).parent
BUILDS = re.compile(r"\s*CREATE\s+(UNIQUE\s+)?INDEX\b", re.IGNORECASE)
CHANGES = re.compile(r"\s*(UPDATE|DELETE)\b", re.IGNORECASE)


@dataclasses.dataclass
class Statement:
    """One statement, and sets of indexes that were thought of for it."""

    id: str
    kind: str
    sql: str
    # Each a list of DDL that is built together. For what can be helped the first is the best that is known.
    indexes: list
    # Why no index helps; empty for what can be helped.
    why: str

    @property
    def helpable(self):
        return not self.why

    @property
    def changes_rows(self):
        return CHANGES.match(self.sql) is not None


def read(chosen=()):
    """All statements, or those whose ids are chosen; what changes rows comes last, as it leaves traces in its table."""
    statements = []
    for file in sorted(FOLDER.glob("statements/*.toml")):
        for entry in tomllib.loads(file.read_text())["statement"]:
            statements.append(statement(entry, file.name))
    ids = [each.id for each in statements]
    if len(set(ids)) != len(ids):
        raise ValueError(f"ids that occur twice: {sorted(id for id in set(ids) if ids.count(id) > 1)}")
    unknown = set(chosen) - set(ids)
    if unknown:
        raise ValueError(f"no statements: {sorted(unknown)}")
    statements = [each for each in statements if not chosen or each.id in chosen]
    return sorted(statements, key=lambda each: each.changes_rows)


def statement(entry, file):
    """One entry of a file, which must have all it needs and no more."""
    needed = {"id", "kind", "sql", "indexes"}
    if not needed <= set(entry) <= needed | {"why"}:
        raise ValueError(f"{file}: {entry.get('id')}: has {sorted(entry)}, needs {sorted(needed)}")
    for ddl in (ddl for indexes in entry["indexes"] for ddl in indexes):
        if not BUILDS.match(ddl):
            raise ValueError(f"{file}: {entry['id']}: builds no index: {ddl}")
    return Statement(entry["id"], entry["kind"], entry["sql"].strip(), entry["indexes"], entry.get("why", ""))
