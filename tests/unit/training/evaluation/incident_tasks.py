"""Small tasks of the incident benchmark."""

from training.evaluation.incident_streams import Task

SIZES = {"history": 2_500, "orders": 2_400, "clean": 1_500, "seed": 3}


def a_task(stream: str, partitions: int = 2) -> Task:
    return Task("base", stream, partitions, **SIZES)
