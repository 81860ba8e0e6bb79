"""What learning returns: a bundle, and what its card says about it."""

from dataclasses import dataclass
from typing import NamedTuple

from shared.model import ModelBundle


@dataclass(frozen=True, slots=True)
class Learned:
    """A bundle; the figures its card shows; and why some of its tables are the packaged ones."""

    bundle: ModelBundle
    figures: dict[str, float]
    defaults: dict[str, str]


class OrPackaged[T](NamedTuple):
    """A value that was learned, or the packaged one.

    ``reason`` says why the packaged value stands in; it is empty where the value was learned.
    """

    value: T
    reason: str = ""
