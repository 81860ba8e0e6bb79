"""The stream on an event loop with virtual time and a seed: whatever fails, every order ends once.

The handler, its writes, the loader and the ports are the product's own. Hosts, trigger, hub and
stores are the test's: they fail, forget and die as the real ones do (`faults`), and what is stored
in the end is held against one run in which nothing failed (`invariants`).
"""
