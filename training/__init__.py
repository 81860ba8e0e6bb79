"""Learns, judges and promotes the models that `shared` scores with; one file a command.

Commands import the packages here. A package may import `shared`, the modules beside it that are no
commands, and the packages below it (tests/unit/test_imports.py). Start reading in pipeline.py.
"""
