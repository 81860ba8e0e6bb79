"""Values that only Azure knows."""

from __future__ import annotations


class Runtime(str):
    """What Azure alone knows: a text that says where it comes from."""

    __slots__ = ()

    def member(self, name: str) -> Runtime:
        """A property of it."""
        return Runtime(f"{self}.{name}")
