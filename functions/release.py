"""Read which release this is from the file that packaging put beside the app's code."""

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
    """Return the release's ``version`` and ``commit``; None in a repository."""
    try:
        return msgspec.structs.asdict(msgspec.json.decode(stamp.read_bytes(), type=_Release))
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        # Scoring needs no release; health shows that there is none.
        logger.warning("%s cannot be read: %s", stamp.name, error)
        return None
