"""Asks the alerts of a local stack: the named queries of docs/queries.md, or any SQL.

It may import `infra.local`, its stack, and `shared`; only tests import it.
Start reading in `__main__.py`, the command; `documented.py` reads the page, `view.py` prints rows.
"""
