"""A benchmark that takes a known time."""

import time


def test_sleep(benchmark):
    benchmark(time.sleep, 0.010)
