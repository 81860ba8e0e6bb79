"""Analysts' decisions about alerts: what the classifier learns from."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from shared.errors import ConfigurationError
from shared.formats import IDENTIFIER_PATTERN, FormatError, blame, utc_time

_Identifier = Annotated[str, msgspec.Meta(pattern=IDENTIFIER_PATTERN)]


class Decision(msgspec.Struct, frozen=True):
    """One decision, as the container ``decisions`` keeps it. The store's own fields are ignored.

    Attributes:
        order_id: the order that was looked at.
        rep_id: the rep of the order.
        decision: whether the alert was right (``confirmed``) or wrong (``dismissed``).
        typology: the finding that was decided on; null for the alert as a whole.
        decided_by: the analyst.
        decided_at: RFC 3339 with offset. The latest of several decisions about a finding counts.
        revision: the revision of the order that was looked at.
        source: ``alert``, or ``blind`` where the order came from a random sample and the analyst
            saw no alert. Blind decisions show what Sheriff misses.
    """

    order_id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$(?!\n)")]
    rep_id: _Identifier
    decision: Literal["confirmed", "dismissed"]
    decided_by: _Identifier
    decided_at: str
    typology: Literal["added_item", "hidden_discount"] | None = None
    revision: Annotated[int, msgspec.Meta(ge=0, le=9999)] = 0
    source: Literal["alert", "blind"] = "alert"
    schema_version: Literal[1, 2] = 1

    @property
    def at(self) -> datetime:
        """Return `decided_at` as aware UTC."""
        return utc_time(self.decided_at)


def parse_decision(body: bytes) -> Decision:
    """Read one decision from UTF-8 JSON.

    Raises:
        ConfigurationError: names the field, and says what is wrong with it.
    """
    try:
        decision = msgspec.json.decode(body, type=Decision)
        _ = decision.at
    except msgspec.ValidationError as error:
        field, complaint = blame(error)
        raise ConfigurationError(f"{field or 'the line'}: {complaint}") from error
    except FormatError as error:
        raise ConfigurationError(f"decided_at: expected {error.expected}") from error
    except (ValueError, RecursionError) as error:  # msgspec.DecodeError is a ValueError
        raise ConfigurationError(f"not JSON: {error}") from error
    return decision
