"""The company's catalogue and policy: how training reads them, and how operators replace them."""

from collections.abc import Callable
from importlib.resources import files

from shared.catalogue import Catalogue
from shared.containers import REFERENCE
from shared.errors import BundleError, ConfigurationError
from shared.policy import Policy, parse_policy
from shared.reference import CATALOGUE, POLICY, expected, previous
from training.history.dataset import Reference
from training.models.model_store import read_pointer
from training.ports import Blobs

_READ: dict[str, Callable[[bytes], object]] = {
    CATALOGUE: Catalogue.from_csv,
    POLICY: parse_policy,
}


def read(blobs: Blobs) -> Reference:
    """Read the catalogue and the policy, or the packaged ones if there never were others.

    Raises:
        ConfigurationError: the policy is wrong, or a file was there and is gone.
        TransientError: a file cannot be read now.
    """
    catalogue, policy = _content(blobs, CATALOGUE), _content(blobs, POLICY)
    packaged = files("shared").joinpath("data", CATALOGUE)
    return Reference(
        packaged.read_bytes() if catalogue is None else catalogue,
        Policy() if policy is None else parse_policy(policy),
    )


def _content(blobs: Blobs, name: str) -> bytes | None:
    """Return a file's content; None where there never was a file of this name."""
    blob = blobs.read(REFERENCE, name)
    if blob is not None:
        return blob[0]
    try:
        pointer, _ = read_pointer(blobs)
    except BundleError:  # reported where the champion is read; the earlier file still tells
        pointer = None
    if expected(pointer, None, name) or blobs.read(REFERENCE, previous(name)) is not None:
        raise ConfigurationError(
            f"{REFERENCE}/{name} was there and is gone: put it back, or the packaged one "
            "(a policy of {}, shared/data/catalogue.csv)"
        )
    return None


def publish(blobs: Blobs, name: str, data: bytes) -> None:
    """Write a catalogue or policy, and keep the good one that it replaces.

    Doing it again changes nothing.

    Raises:
        ConfigurationError: scorers would refuse it; nothing is written.
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
    """Raise unless scorers would take this catalogue or policy.

    Raises:
        ConfigurationError: they would refuse it; says why.
    """
    try:
        _READ[name](data)
    except ConfigurationError:
        raise
    except Exception as error:  # a scorer would refuse it for this, too
        raise ConfigurationError(f"{name}: {type(error).__name__}: {error}") from error


def _good(name: str, data: bytes) -> bool:
    try:
        check(name, data)
    except ConfigurationError:
        return False
    return True
