"""The hash by which Event Hubs chooses the partition of a partition key."""

_WORD = 0xFFFFFFFF
_SEED = 0xDEADBEEF


def partition_for_key(key: str, partitions: int) -> int:
    """Return the partition (0 and up) of a key, in a hub with 1 or more ``partitions``.

    Event Hubs computes Bob Jenkins' hash ``lookup3`` of the key's UTF-8 bytes and combines its two
    words by XOR. It reads the lowest 16 bits as a signed integer, and takes the absolute value
    modulo the number of partitions.

    >>> partition_for_key("Annie Corns", 4), partition_for_key("Annie Corns", 1)
    (2, 0)
    """
    high, low = _lookup3(key.encode())
    signed = ((high ^ low) & 0xFFFF ^ 0x8000) - 0x8000
    return abs(signed) % partitions


def _rotated(word: int, bits: int) -> int:
    return ((word << bits) | (word >> (32 - bits))) & _WORD


def _lookup3(data: bytes) -> tuple[int, int]:
    """Return ``c`` and ``b`` of ``hashlittle2`` with seeds 0 (burtleburtle.net/bob/c/lookup3.c)."""
    a = b = c = (_SEED + len(data)) & _WORD
    if not data:
        return c, b
    start = 0
    while True:
        words = data[start : start + 12].ljust(12, b"\0")
        a = (a + int.from_bytes(words[0:4], "little")) & _WORD
        b = (b + int.from_bytes(words[4:8], "little")) & _WORD
        c = (c + int.from_bytes(words[8:12], "little")) & _WORD
        start += 12
        if start >= len(data):
            return _final(a, b, c)
        a, b, c = _mixed(a, b, c)


def _mixed(a: int, b: int, c: int) -> tuple[int, int, int]:
    # Each step works on the same three registers, rotated by one place.
    for bits in (4, 6, 8, 16, 19, 4):
        a = ((a - c) & _WORD) ^ _rotated(c, bits)
        c = (c + b) & _WORD
        a, b, c = b, c, a
    return a, b, c


def _final(a: int, b: int, c: int) -> tuple[int, int]:
    for bits in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - _rotated(b, bits)) & _WORD
        a, b, c = b, c, a
    # Seven steps rotate the registers by one place more than two full rounds do.
    return b, a
