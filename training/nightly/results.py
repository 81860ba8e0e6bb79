"""What became of each nightly run: one document a version, and what follows from it.

The document is written before anything moves, and marked as applied after. So a run that died in
between is finished by the next one, and a version that was decided on is never decided on again.
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

    ``champion`` is the version it was compared with, None where nothing had ever been promoted;
    ``metrics`` are those of the MLflow run; ``applied``: what was decided has been done.
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
    """Where a version's result lies in the container `TRAINING`."""
    return f"runs/{version}.json"


def report_path(version: str) -> str:
    """Where a version's report lies in the container `TRAINING`."""
    return f"runs/{version}.html"


def read_result(blobs: Blobs, version: str) -> Result | None:
    """What was decided about a version; None where nothing was, or nothing that can be read."""
    found = blobs.read(TRAINING, result_path(version))
    if found is None:
        return None
    try:
        return msgspec.json.decode(found[0], type=Result)
    except msgspec.DecodeError:
        return None


def write_result(blobs: Blobs, result: Result) -> None:
    """Put a result in the place of the version's earlier one."""
    data = msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n"
    blobs.write(TRAINING, result_path(result.version), data, None, replace=True)


@dataclass(frozen=True, slots=True)
class Applied:
    """What serves after a result was applied, and why not what was decided, if so."""

    champion: str | None
    refusal: str = ""


def move(blobs: Blobs, result: Result, now: datetime) -> Applied:
    """Do what was decided: move the pointer, or let the challenger score in shadow.

    Doing it again changes nothing. A champion that has changed since the decision stays.
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
