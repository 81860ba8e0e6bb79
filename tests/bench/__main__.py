"""make bench: how fast orders are scored and learned from, how soon a process scores its first
ones, and how long they take through the whole stack."""

from tests.bench import coldstart, learning, retraining, scoring, stack, worst

scoring.main()
worst.main()
coldstart.main([])
learning.main()
retraining.main()
stack.main()
