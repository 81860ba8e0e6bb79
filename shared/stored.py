"""A blob as a listing shows it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stored:
    """A blob of a listing: its ``size`` is in bytes, its ``version`` names this writing of it."""

    name: str
    size: int
    version: str
