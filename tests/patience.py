"""How long a test waits for what must happen."""

PATIENCE = 600.0
"""Seconds, as a watchdog: a test that hangs says what it waited for. Even a busy machine never
needs so long. pytest's own time-out of 15 minutes catches the rest."""
