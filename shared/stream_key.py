"""Name one partition of an event hub."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamKey:
    """One partition of one hub, as one consumer group reads it."""

    hub: str
    consumer_group: str
    partition_id: str

    def __str__(self) -> str:
        return f"{self.hub}.{self.consumer_group}.{self.partition_id}"
