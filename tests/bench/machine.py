"""How fast the machine is now, to compare the other measurements with."""

import time

PLAIN_LOOP = 0.045
"""CPU seconds of the plain loop on an assumed core, to which figures are scaled. So a scaled figure
is an estimate; the figure beside it was measured."""


def plain_loop() -> float:
    """Return how many times `PLAIN_LOOP` this machine takes for the plain loop now."""
    started = time.process_time()
    total = 0
    for i in range(1_000_000):
        total += i
    return (time.process_time() - started) / PLAIN_LOOP
