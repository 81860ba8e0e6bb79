"""Runs Sheriff: templates and pipelines for Azure, the local stack, and their commands.

It may import anything; only tests import it. Start reading in `smoke.py` (is a deployment good?),
`package.py` (the zips) and `costs.py`; `local/` is the stack, `checks/` inspects the templates.
"""
