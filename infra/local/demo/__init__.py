"""The demo: a company's frauds found in a stream, a night that promotes, a refusal, a rollback.

It may import `infra.local`, `training` and `shared`; nothing imports it but tests.
Start reading in `__main__.py`, which runs the steps in order; `nights.py` does the steps.
"""
