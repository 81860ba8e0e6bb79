"""Measures detection on simulated companies, where every fraud is known.

May import comparison, history, learning, replay and simulation. Start reading in trials.py.
"""
