"""Judges two models on the same later orders, and decides whether the new one is promoted.

May import learning, replay and history; never report or nightly, which read its results.
Start at `compare.compare`, then `promotion.decide`; `comparison` holds their types.
"""
