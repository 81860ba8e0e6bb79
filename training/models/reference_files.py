"""Catalogue and policy on the shelf, as training reads them and as a hand puts them there."""

from collections.abc import Callable
from importlib.resources import files

from shared.catalogue import Catalogue
from shared.containers import REFERENCE
from shared.errors import BundleError, ConfigurationError
from shared.policy import Policy, parse_policy
from shared.reference import CATALOGUE, POLICY, expected, previous
from training.models.model_store import read_pointer
from training.ports import Blobs

_READ: dict[str, Callable[[bytes], object]] = {
    CATALOGUE: Catalogue.from_csv,
    POLICY: parse_policy,
}


def read(blobs: Blobs) -> tuple[bytes, Policy]:
    """The catalogue's CSV and the policy; the packaged ones where there never were others.

    Raises:
        ConfigurationError: the policy is wrong, or one of the two was there and is gone.
        TransientError: one cannot be read now.
    """
    csv, policy = _found(blobs, CATALOGUE), _found(blobs, POLICY)
    packaged = files("shared").joinpath("data", CATALOGUE)
    return (
        packaged.read_bytes() if csv is None else csv,
        Policy() if policy is None else parse_policy(policy),
    )


def _found(blobs: Blobs, name: str) -> bytes | None:
    """A file's content; None where there was never one of this name."""
    found = blobs.read(REFERENCE, name)
    if found is not None:
        return found[0]
    try:
        pointer, _ = read_pointer(blobs)
    except BundleError:  # whoever needs the champion says so; here only the other sign is left
        pointer = None
    if expected(pointer, None, name) or blobs.read(REFERENCE, previous(name)) is not None:
        raise ConfigurationError(
            f"{REFERENCE}/{name} was there and is gone: put it back, or the packaged one "
            "(a policy of {}, shared/data/catalogue.csv)"
        )
    return None


def publish(blobs: Blobs, name: str, data: bytes) -> None:
    """Put a catalogue or policy on the shelf, and keep the good one that it replaces.

    Again is as good as once.

    Raises:
        ConfigurationError: no scorer would take it; nothing is written.
        TransientError: the store failed; publishing again completes it.
    """
    check(name, data)
    before = blobs.read(REFERENCE, name)
    if before is not None and before[0] == data:
        return
    if before is not None and _good(name, before[0]):
        blobs.write(REFERENCE, previous(name), before[0], None, replace=True)
    blobs.write(REFERENCE, name, data, None, replace=True)


def check(name: str, data: bytes) -> None:
    """Pass a catalogue or policy that scorers would take.

    Raises:
        ConfigurationError: they would not; says why.
    """
    try:
        _READ[name](data)
    except ConfigurationError:
        raise
    except Exception as error:  # a scorer refuses it for that, too
        raise ConfigurationError(f"{name}: {type(error).__name__}: {error}") from error


def _good(name: str, data: bytes) -> bool:
    try:
        check(name, data)
    except ConfigurationError:
        return False
    return True
