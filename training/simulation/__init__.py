"""Draws orders of a simulated company, with known frauds: to learn from and to be judged on.

May import history. Learning must not import this package: it must not know the company's figures.
Start at `company.Company`, then `synthesis.draw_orders`; `scenarios` names the hard cases.
"""
