"""The result of each night: one document for each version, and applying it to the pointers.

The document is written before any pointer moves, and marked as applied afterwards. So the next run
finishes a night that died in between, and does not decide again.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from shared.champion import CHALLENGER
from shared.containers import TRAINING
from training.comparison.comparison import Check
from training.comparison.promotion import PROMOTED, SHADOW
from training.models.model_store import Moved, challenge, keep_copy, promote, read_pointer
from training.ports import Blobs


class Result(msgspec.Struct, frozen=True):
    """``training/runs/{version}.json``: a challenger and what was decided about it.

    ``champion`` is the version that it was compared with, None where nothing was ever promoted;
    ``metrics`` are the same as in MLflow; ``applied`` says that the verdict has been applied.
    """

    version: str
    sha256: str
    champion: str | None
    outcome: Literal["promoted", "refused", "shadow"]
    reasons: tuple[str, ...]
    checks: tuple[Check, ...]
    metrics: dict[str, float]
    snapshot_sha256: str
    decided_at: str
    applied: bool = False
    schema_version: Literal[1] = 1


def result_path(version: str) -> str:
    """Return where a version's result lies in the container `TRAINING`."""
    return f"runs/{version}.json"


def report_path(version: str) -> str:
    """Return where a version's report lies in the container `TRAINING`."""
    return f"runs/{version}.html"


def read_result(blobs: Blobs, version: str) -> Result | None:
    """Read what was decided about a version; None where nothing readable is stored."""
    blob = blobs.read(TRAINING, result_path(version))
    if blob is None:
        return None
    try:
        return msgspec.json.decode(blob[0], type=Result)
    except msgspec.DecodeError:
        return None


def write_result(blobs: Blobs, result: Result) -> None:
    """Write a result, in the place of an earlier one of the version."""
    data = msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n"
    blobs.write(TRAINING, result_path(result.version), data, None, replace=True)


@dataclass(frozen=True, slots=True)
class Applied:
    """The champion after a result was applied; ``refusal`` says why the verdict was not applied."""

    champion: str | None
    refusal: str = ""


def apply_result(blobs: Blobs, result: Result, now: datetime) -> Applied:
    """Apply a result: move the champion's pointer, or let the challenger score in shadow.

    Doing it again changes nothing. If the champion has changed since the decision, it stays.
    """
    refusal = ""
    if result.outcome == PROMOTED:
        try:
            promote(blobs, result.version, now, result.champion, by_hand=False)
        except Moved as error:
            refusal = str(error)
    if result.outcome == SHADOW:
        challenge(blobs, result.version, now)
    elif _challenges(blobs, result.version) or result.outcome == PROMOTED:
        challenge(blobs, None, now)
    pointer, _ = read_pointer(blobs)
    if pointer is not None:
        keep_copy(blobs, pointer)
    return Applied(None if pointer is None else pointer.version, refusal)


def _challenges(blobs: Blobs, version: str) -> bool:
    pointer, _ = read_pointer(blobs, CHALLENGER)
    return pointer is not None and pointer.version == version
