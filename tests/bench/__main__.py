"""make bench: how fast orders are scored and learned from, and go through the whole stack."""

from tests.bench import learning, retraining, scoring, stack

scoring.main()
learning.main()
retraining.main()
stack.main()
