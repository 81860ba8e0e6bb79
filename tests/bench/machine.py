"""How fast the machine is just now: a figure to hold every other one against."""

import time

PLAIN_LOOP = 0.045
"""CPU seconds that the plain loop takes on an idle core of 2.6 GHz."""


def plain_loop() -> float:
    """How many times slower than an idle core this machine runs plain Python now."""
    started = time.process_time()
    total = 0
    for i in range(1_000_000):
        total += i
    return (time.process_time() - started) / PLAIN_LOOP
