"""Scores orders of the past as the function does: streams, whole files, and histories.

May import history. Start reading in score_stream.py, then replay.py.
"""
