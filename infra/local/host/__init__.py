"""Runs a Python function app on this machine, as the Azure Functions host does.

It may import `infra.local.commands` and the SDKs; it reaches the app only by the runtime's calls.
Start reading in `__main__.py`, then `eventhub.py`, `timer.py` and `routes.py`, one a trigger.
"""
