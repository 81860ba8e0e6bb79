"""How fast the machine is just now: a figure to hold every other one against."""

import time

PLAIN_LOOP = 0.045
"""CPU seconds of the plain loop on the core that figures are scaled to: an assumed core, not a
measured one. A scaled figure is an estimate; only the measured one beside it was observed."""


def plain_loop() -> float:
    """How many times longer than `PLAIN_LOOP` this machine takes for the plain loop now."""
    started = time.process_time()
    total = 0
    for i in range(1_000_000):
        total += i
    return (time.process_time() - started) / PLAIN_LOOP
