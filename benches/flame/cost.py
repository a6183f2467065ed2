"""`cost.py WHAT RESULT COMMAND... [>FILE]`: CPU seconds and peak memory of a command, the best of three, and its result's size."""

import os
import sys


def run(command, stdout):
    """CPU seconds and megabytes at most of one run."""
    process = os.fork()
    if process == 0:
        file = os.open(stdout, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(file, 1)
        os.execvp(command[0], command)
    _, status, used = os.wait4(process, 0)
    if status != 0:
        sys.exit(f"{command[0]} ended with {os.waitstatus_to_exitcode(status)}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main():
    what, result, *command = sys.argv[1:]
    stdout = command.pop()[1:] if command[-1].startswith(">") else "/dev/null"
    seconds, megabytes = min(run(command, stdout) for _ in range(3))
    print(f"{what}: {seconds:.2f} s CPU, {megabytes:.0f} MB, {os.path.getsize(result) / 1e6:.2f} MB written", flush=True)


main()
