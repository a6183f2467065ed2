"""Puts a log into an envelope, as the documentation of those describes it who collect logs.

usage: wrap.py docker|cri|journal|cloud|azure|syslog|cloudnativepg <LOG >WRAPPED

Lines are put into envelopes one by one, long ones in parts where the envelope has such. For syslog the log is
PostgreSQL's with the prefix `%m [%p] `: its messages are cut as the server cuts them (write_syslog), those of up to
three processes come at once, and another program writes between them. For CloudNativePG it is csvlog.
"""

import csv
import io
import json
import re
import sys

# Docker and Kubernetes split lines here.
PART_BYTES = 16384
# PostgreSQL splits lines here.
SYSLOG_BYTES = 900


def main():
    log = sys.stdin.buffer.read()
    envelopes = (docker, cri, journal, cloud, azure, syslog, cloudnativepg)
    {envelope.__name__: envelope for envelope in envelopes}[sys.argv[1]](log)


def write(*parts):
    sys.stdout.buffer.write(b"".join(part if isinstance(part, bytes) else part.encode() for part in parts))


def lines(log):
    return log.removesuffix(b"\n").split(b"\n")


def time(number):
    return f"2026-11-28T17:{number // 60000 % 60:02}:{number // 1000 % 60:02}.{number % 1000:03}000Z"


def parts(text):
    cut = [text[start : start + PART_BYTES] for start in range(0, len(text), PART_BYTES)] or [text]
    return [(part, number + 1 == len(cut)) for number, part in enumerate(cut)]


def docker(log):
    for number, line in enumerate(lines(log)):
        for part, last in parts(line.decode(errors="replace")):
            record = {"log": part + "\n" * last, "stream": "stderr", "time": time(number)}
            write(json.dumps(record, separators=(",", ":"), ensure_ascii=False), "\n")


def cri(log):
    for number, line in enumerate(lines(log)):
        for part, last in parts(line):
            write(time(number), " stderr ", "F " if last else "P ", part, "\n")


def journal(log):
    for number, line in enumerate(lines(log)):
        try:
            message = line.decode()
        except UnicodeDecodeError:
            message = list(line)
        of_server = {"SYSLOG_IDENTIFIER": "postgres", "_PID": "12", "MESSAGE": message}
        of_other = {"SYSLOG_IDENTIFIER": "cron", "_PID": "77", "MESSAGE": "a job"}
        for entry in (of_server, of_other) if number % 7 == 0 else (of_server,):
            stamp = {"__REALTIME_TIMESTAMP": str(1795885802000000 + number), "_HOSTNAME": "db-1"}
            write(json.dumps(stamp | entry), "\n")


def cloud(log):
    """An array, printed as `gcloud logging read --format json` does."""
    name = "projects/shop/logs/cloudsql.googleapis.com%2Fpostgres.log"
    entries = [
        {
            "insertId": f"s=1;i={number}",
            "logName": name,
            "resource": {"labels": {"database_id": "shop:db-1"}, "type": "cloudsql_database"},
            "textPayload": line.decode(errors="replace"),
            "timestamp": time(number),
        }
        for number, line in enumerate(lines(log))
    ]
    write(json.dumps(entries, indent=2), "\n")


def azure(log):
    """Lists of seven records, as the flexible server has them."""
    records = [
        {
            "category": "PostgreSQLLogs",
            "time": time(number),
            "properties": {"message": line.decode(errors="replace"), "errorLevel": "LOG"},
        }
        for number, line in enumerate(lines(log))
    ]
    for start in range(0, len(records), 7):
        write(json.dumps({"records": records[start : start + 7]}), "\n")


COLUMNS = (
    "log_time user_name database_name process_id connection_from session_id session_line_num command_tag"
    " session_start_time virtual_transaction_id transaction_id error_severity sql_state_code message detail hint"
    " internal_query internal_query_pos context query query_pos location application_name backend_type leader_pid"
    " query_id"
).split()


def cloudnativepg(log):
    for number, row in enumerate(csv.reader(io.StringIO(log.decode(errors="replace"), newline=""))):
        record = {name: value for name, value in zip(COLUMNS, row) if value}
        head = {"level": "info", "ts": 1795885802.5 + number, "msg": "record", "logging_pod": "shop-1"}
        write(json.dumps(head | {"logger": "postgres", "record": record}, ensure_ascii=False), "\n")
        if number % 7 == 0:
            write(json.dumps(head | {"logger": "instance-manager", "msg": "checked"}), "\n")


def syslog(log):
    waiting, sequences, written = [], {}, 0
    for process, message in messages(log):
        if len(waiting) == 3 or process in [other for other, _, _ in waiting]:
            written = send(waiting, written)
        sequences[process] = sequences.get(process, 0) + 1
        waiting.append((process, sequences[process], enumerate(chunks(message), 1)))
    send(waiting, written)


def messages(log):
    begin = re.compile(rb"^\S+ \S+ \S+ \[(\d+)\] .*?(?:LOG|ERROR|FATAL|PANIC|WARNING|NOTICE|INFO|DEBUG):  ")
    found = []
    for line in lines(log):
        if match := begin.match(line):
            found.append((match[1].decode(), [line]))
        elif found:
            found[-1][1].append(line)
    return [(process, b"\n".join(of_it)) for process, of_it in found]


def chunks(text):
    while text:
        if text.startswith(b"\n"):
            text = text[1:]
            continue
        length = min(len(text.split(b"\n", 1)[0]), SYSLOG_BYTES)
        while length < len(text) and text[length] & 0xC0 == 0x80:
            length -= 1
        if length < len(text) and not text[length : length + 1].isspace():
            blanks = [at for at in range(1, length) if text[at : at + 1].isspace()]
            length = blanks[-1] if blanks else length
        yield text[:length]
        text = text[length:]


def send(waiting, written):
    while waiting:
        for one in list(waiting):
            process, sequence, parts_of_it = one
            part = next(parts_of_it, None)
            if part is None:
                waiting.remove(one)
                continue
            escaped = re.sub(rb"[\x00-\x1f]", lambda control: b"#%03o" % control[0][0], part[1])
            write(f"Nov 28 17:10:02 db-1 postgres[{process}]: [{sequence}-{part[0]}] ", escaped, "\n")
            written += 1
            if written % 11 == 0:
                write("Nov 28 17:10:02 db-1 CRON[77]: (root) CMD (backup)\n")
    return written


if __name__ == "__main__":
    main()
