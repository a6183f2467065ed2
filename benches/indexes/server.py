"""What a statement costs a PostgreSQL, without and with indexes. Nothing is left behind: all is rolled back."""

import dataclasses
import json
import re

import psycopg

# How often a statement runs: until this much CPU time is spent, within these limits. The least counts.
LEAST_RUNS = 3
MOST_RUNS = 15
ENOUGH_CPU_MS = 300.0
TIMEOUT_MS = 120_000

CPU = re.compile(r"([0-9.]+) s user, ([0-9.]+) s system, ([0-9.]+) s elapsed")
# A transaction cannot build concurrently; the index is the same.
CONCURRENTLY = re.compile(r"\bCONCURRENTLY\b", re.IGNORECASE)


@dataclasses.dataclass
class Cost:
    """What one execution takes."""

    # User and system time of the server's process in the executor, triggers included: the least of all runs.
    cpu_ms: float
    # Pages asked of shared buffers, whether they were there or not.
    blocks: int
    # For each DDL, whether the executed plan (or a trigger) reads what it made.
    used: list
    # Of all indexes that were built.
    bytes: int

    def or_less(self, again):
        """The same measured twice."""
        return min(self, again, key=lambda cost: cost.cpu_ms)


class Server:
    """A connection of its own to the database that PG* variables name."""

    def __init__(self):
        self.connection = psycopg.connect("", autocommit=True)
        self.cpu_ms = None
        self.connection.add_notice_handler(self.noticed)
        self.run(f"SET statement_timeout = {TIMEOUT_MS}")
        self.run("SET log_executor_stats = on")
        self.run("SET client_min_messages = log")
        self.run("SET maintenance_work_mem = '256MB'")
        # Workers of a build would wait for a processor where the server has been given one.
        self.run("SET max_parallel_maintenance_workers = 0")

    def noticed(self, notice):
        """The server tells the resources of each execution as a message."""
        if notice.message_primary == "EXECUTOR STATISTICS":
            user, system, _ = CPU.search(notice.message_detail).groups()
            self.cpu_ms = (float(user) + float(system)) * 1000

    def run(self, sql):
        """All rows, where there are any."""
        cursor = self.connection.execute(sql)
        return cursor.fetchall() if cursor.description else []

    def version(self):
        return self.run("SHOW server_version")[0][0]

    def cost(self, statement, indexes=()):
        """The cost of a statement where these indexes are built; an error of PostgreSQL when one cannot be."""
        try:
            with self.connection.transaction(force_rollback=True):
                built = [self.build(ddl) for ddl in indexes]
                return self.measured(statement, built)
        finally:
            if statement.changes_rows:
                self.run(f"VACUUM {changed_table(statement)}")

    def build(self, ddl):
        """Builds an index, and gives the ids and names of what is there now and was not before."""
        before = self.indexes()
        self.run(CONCURRENTLY.sub("", ddl))
        made = {oid: index for oid, index in self.indexes().items() if oid not in before}
        for _, table, on_expressions in made.values():
            if on_expressions:
                # What autovacuum would do: there are no statistics of an expression before.
                self.run(f"ANALYZE {table}")
        return {oid: name for oid, (name, _, _) in made.items()}

    def indexes(self):
        return {oid: rest for oid, *rest in self.run(
            """SELECT i.indexrelid::int8, i.indexrelid::regclass::text, i.indrelid::regclass::text,
                i.indexprs IS NOT NULL AND c.relkind = 'i'
            FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = 'public'::regnamespace""")}

    def measured(self, statement, built):
        plan = self.plan(statement)
        read = {node["Index Name"] for node in nodes(plan["Plan"]) if "Index Name" in node and node["Actual Loops"]}
        blocks, cpu_ms = self.blocks(statement), []
        while len(cpu_ms) < LEAST_RUNS or (len(cpu_ms) < MOST_RUNS and sum(cpu_ms) < ENOUGH_CPU_MS):
            cpu_ms.append(self.execute(statement))
        # Plans of statements that triggers run are not shown. The counts of this transaction tell.
        if plan["Triggers"]:
            read |= {name for made in built for oid, name in made.items()
                     if self.run(f"SELECT pg_stat_get_xact_numscans({oid}::oid)")[0][0]}
        size = sum(self.run(f"SELECT pg_relation_size({oid}::oid)")[0][0] for made in built for oid in made)
        return Cost(min(cpu_ms), blocks, [bool(read & set(made.values())) for made in built], size)

    def plan(self, statement, options="TIMING OFF"):
        """The executed plan as JSON; also warms the caches."""
        with self.connection.transaction(force_rollback=True):
            plan = self.run(f"EXPLAIN (ANALYZE, BUFFERS, {options}, FORMAT JSON) {statement.sql}")[0][0]
        return (json.loads(plan) if isinstance(plan, str) else plan)[0]

    def execute(self, statement):
        """The CPU time of one execution, in ms."""
        with self.connection.transaction(force_rollback=True):
            self.connection.execute(statement.sql)
            return self.cpu_ms

    def blocks(self, statement):
        """As the server counts them itself: with those of triggers, which EXPLAIN leaves out of its nodes."""
        with self.connection.transaction(force_rollback=True):
            self.run("SELECT pg_stat_statements_reset()")
            self.connection.execute(statement.sql)
            return int(self.run(
                """SELECT sum(shared_blks_hit + shared_blks_read) FROM pg_stat_statements
                WHERE query NOT LIKE '%pg_stat_statements%'""")[0][0])


def nodes(plan):
    """A node of a plan and all below it."""
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def changed_table(statement):
    return re.match(r"\s*(?:UPDATE|DELETE\s+FROM)\s+(\w+)", statement.sql, re.IGNORECASE)[1]
