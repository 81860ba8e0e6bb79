"""Learns every table of a bundle from unlabelled orders, and the classifier from decisions.

May import history and replay; nothing here reads a file, a store or a clock.
Start at `learn.learn`; `weak_labels.with_classifier` adds the classifier to what it returns.
"""
