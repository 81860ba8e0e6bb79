"""The whole product on one machine: its servers and its host, started and stopped together.

It may import `infra.local` (how to start each server) and `shared`; the demo and tests import it.
Start reading in `stack.py`; `__main__.py` is the command, `record.py` what the folder remembers.
"""

from infra.local.stack.stack import DEFAULT_PORTS, DEFAULT_STATE, SERVERS, Stack

__all__ = ["DEFAULT_PORTS", "DEFAULT_STATE", "SERVERS", "Stack"]
