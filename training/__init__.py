"""Learns, judges and promotes the models that `shared` scores with; one file a command.

Commands import the rooms; a room may import `shared`, the modules beside the rooms that are no
commands, and the rooms below it (tests/unit/test_imports.py). Start reading in pipeline.py.
"""
