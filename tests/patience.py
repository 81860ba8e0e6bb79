"""How long a test waits for what must happen."""

PATIENCE = 600.0
"""Seconds: a watchdog, so that what hangs says what was waited for. A busy machine never gets
there; pytest's own time-out of 15 minutes is for what nobody waits for."""
