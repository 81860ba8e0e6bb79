"""Which release this is: what packaging left beside the app's code."""

import logging
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

logger = logging.getLogger(__name__)

STAMP = Path(__file__).parents[1] / "version.json"


class _Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    commit: str


@cache
def release(stamp: Path = STAMP) -> dict[str, Any] | None:
    """The release's ``version`` and ``commit``; None where the code runs from its repository."""
    try:
        return msgspec.structs.asdict(msgspec.json.decode(stamp.read_bytes(), type=_Release))
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        # Scoring needs no stamp; whoever expects a release finds that there is none.
        logger.warning("%s cannot be read: %s", stamp.name, error)
        return None
