"""The nightly run: gather the data, learn a challenger, judge it, apply the verdict.

May import every other package but evaluation, simulation and replay. Start reading in night.py.
"""
