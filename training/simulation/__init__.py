"""Draws orders of a simulated company, with known frauds: to learn from and to be judged on.

May import history; never learning or comparison, which must know nothing of the true figures.
Start at `company.Company`, then `synthesis.draw_orders`; `scenarios` names the hard cases.
"""
