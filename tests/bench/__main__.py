"""make bench: how fast orders are scored, alone and through the whole stack."""

from tests.bench import scoring, stack

scoring.main()
stack.main()
