"""Is a hidden discount running now? The belief that a partition's stream carries along."""

import msgspec


class EpisodeState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a partition believes about a hidden discount between two of its orders.

    It is stored in the partition's state document under ``episode`` (``msgspec.to_builtins``)
    and is the only thing that one order's score may pass on to the next.
    """

    schema_version: int = 1
