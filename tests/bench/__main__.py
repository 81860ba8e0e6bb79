"""make bench: how fast orders are scored and learned from, how soon a process scores its first
ones, and how long they take through the whole stack."""

import argparse

from tests.bench import coldstart, learning, retraining, scoring, stack, worst

argparse.ArgumentParser(
    prog="python -m tests.bench", description=f"{__doc__} Takes some minutes."
).parse_args()
scoring.main()
worst.main()
coldstart.main([])
learning.main()
retraining.main()
stack.main()
