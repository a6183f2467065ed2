"""Repeats what a server wrote with later times and other sessions, until a log is large enough.

usage: repeat_log.py stderr|csvlog|jsonlog|mysql LOG OUT MEGABYTES

Every copy begins a second after the end of the one before, and has sessions of its own, so that the whole is what
the server would have written in as many times the time.
"""

import re
import sys
from datetime import datetime, timedelta

# Where a record says when and in which session, by form: texts between the groups stay as they are.
TIME = rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}"
RECORDS = {
    "stderr": re.compile(rb"^(?P<time>" + TIME + rb") UTC \[(?P<number>\d+)\]", re.M),
    "csvlog": re.compile(
        rb'^(?P<time>' + TIME + rb') UTC,(?:"[^"]*")?,(?:"[^"]*")?,(?P<number>\d+),(?:"[^"]*")?,[0-9a-f]+\.(?P<hex>[0-9a-f]+),',
        re.M,
    ),
    "jsonlog": re.compile(
        rb'^\{"timestamp":"(?P<time>' + TIME + rb') UTC",[^\n]*?"pid":(?P<number>\d+),[^\n]*?"session_id":"[0-9a-f]+\.(?P<hex>[0-9a-f]+)"',
        re.M,
    ),
    "mysql": re.compile(
        rb"^# Time: (?P<day>\d{6} [ \d]\d:\d\d:\d\d)$|^# Thread_id: (?P<number>\d+)|^SET timestamp=(?P<epoch>\d+);$", re.M
    ),
}
# Sessions of one copy have numbers below it.
SESSIONS = 100_000


def main(form, source, target, megabytes):
    with open(source, "rb") as file:
        log = file.read()
    parts = cut(form, log)
    times = [value for kind, value in parts if kind in ("time", "day")]
    length = max(times) - min(times) + timedelta(seconds=1)
    length = timedelta(seconds=int(length.total_seconds()) + 1)
    with open(target, "wb") as out:
        copy = 0
        while out.tell() < int(megabytes) * 1_000_000:
            out.write(b"".join(shifted(kind, value, copy, length * copy) for kind, value in parts))
            copy += 1


def cut(form, log):
    """Texts that stay, and times and sessions between them."""
    parts, at = [], 0
    for record in RECORDS[form].finditer(log):
        places = sorted((record.span(name), name) for name, value in record.groupdict().items() if value is not None)
        for (start, end), name in places:
            parts += [("text", log[at:start]), (name, read(name, log[start:end]))]
            at = end
    return parts + [("text", log[at:])]


def read(name, text):
    match name:
        case "time":
            return datetime.strptime(text.decode(), "%Y-%m-%d %H:%M:%S.%f")
        case "day":
            return datetime.strptime(text.decode(), "%y%m%d %H:%M:%S")
        case "hex":
            return int(text, 16)
    return int(text)


def shifted(name, value, copy, later):
    match name:
        case "text":
            return value
        case "time":
            moved = value + later
            return b"%04d-%02d-%02d %02d:%02d:%02d.%03d" % (
                moved.year, moved.month, moved.day, moved.hour, moved.minute, moved.second, moved.microsecond // 1000
            )
        case "day":
            moved = value + later
            return moved.strftime("%y%m%d %k:%M:%S").encode()
        case "hex":
            return b"%x" % (value + copy * SESSIONS)
        case "epoch":
            return b"%d" % (value + int(later.total_seconds()))
    return b"%d" % (value + copy * SESSIONS)


if __name__ == "__main__":
    main(*sys.argv[1:])
