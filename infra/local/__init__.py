"""The same app on one machine: emulators, a functions host, and the commands around them.

It may import anything; only `infra` and tests import it. Start reading in `stack/` (everything
together), then `services.py` (how each server starts), `eventhubs/` and `host/`.
"""
