"""Thresholds: what is worth an alert. Validated data, changed without a deploy."""

import msgspec


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the company asks of an alert; an unknown key or a value out of range is refused."""

    version: str = "packaged"


def parse_policy(data: bytes) -> Policy:
    """Read a policy from JSON.

    Raises:
        ConfigurationError: names the key, the value and what was expected.
    """
    raise NotImplementedError
