"""Writes a PostgreSQL log (stderr) with any number of different statements.

usage: statements.py STATEMENTS FILE

As of an application with a schema for each tenant: 40 statements in each of as many schemas as it takes, once each, in
sessions of 20. Among them 20 statements of the application itself, half of all executions, which come again and again,
and three that come late, each with 0.2 % of the time. The same number gives the same bytes.
"""

import random
import sys

TABLES = ["orders", "customers", "products", "invoices", "events", "carts", "addresses", "payments"]
FORMS = [
    "SELECT id, customer_id, total FROM {0}.{1} WHERE status = 'new' AND created_at > '2026-01-01' ORDER BY id LIMIT 20",
    "SELECT * FROM {0}.{1} WHERE id = {2}",
    "UPDATE {0}.{1} SET updated_at = now(), touched = touched + 1 WHERE id = {2} AND version = 3",
    "INSERT INTO {0}.{1} (id, name, note) VALUES ({2}, 'a name', 'a note')",
    "SELECT count(*) FROM {0}.{1} t JOIN {0}.users u ON u.id = t.user_id WHERE u.email = 'a@example.test'",
]


def main(count, path):
    chance = random.Random(1)
    second = 0
    with open(path, "w") as out:
        def line(session, took_ms, text):
            time = f"2026-11-{1 + second // 86400:02} {second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}"
            out.write(f"{time}.{chance.randrange(1000):03} UTC [{session}] LOG:  duration: {took_ms:.3f} ms  statement: {text}\n")

        for number in range(count):
            second = number // 100
            session = 1000 + number // 20
            tenant, form = divmod(number, len(TABLES) * len(FORMS))
            text = FORMS[form % len(FORMS)].format(f"tenant_{word(tenant)}", TABLES[form // len(FORMS)], number)
            line(session, chance.uniform(0.05, 2), text)
            own = number % 20
            line(session, chance.uniform(0.05, 2), f"SELECT value FROM settings_{word(own)} WHERE name = 'a{number}'")
            if number % 1000 == 0 and number > count * 3 // 4:
                # Each of them takes 0.2 % of the time: 1.025 ms for each line of the others.
                late = number // 1000 % 3
                took = count * 2 * 1.025 * 0.002 / (count / 4 / 3000)
                line(session, took, f"SELECT * FROM late_{word(late)} WHERE day = '2026-11-01' ORDER BY total")


def word(number):
    """Letters, so that no digit is taken for a value."""
    letters = ""
    while True:
        number, letter = divmod(number, 26)
        letters = chr(97 + letter) + letters
        if number == 0:
            return letters


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
