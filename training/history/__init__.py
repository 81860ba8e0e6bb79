"""Orders to learn from: read from files and the archive, priced, and kept unchanged in a snapshot.

May import no other package of `training`. Start reading in dataset.py, which gathers the data of a
night.
"""
