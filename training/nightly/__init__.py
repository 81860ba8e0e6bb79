"""The nightly run: gather the data, learn a challenger, judge it, apply the verdict.

May import every room below it: not evaluation, simulation or replay. Start reading in night.py.
"""
