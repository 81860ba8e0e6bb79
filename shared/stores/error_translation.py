"""Turns the SDKs' errors into Sheriff's, in one place for every store."""

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import AzureError, HttpResponseError

from shared.errors import ConfigurationError, RefusedError, TransientError, WriteConflict

_NOT_THERE = 404
_REFUSED = {400, 413}
_CONFLICT = {409, 412}

_UNUSABLE = (ValueError, TypeError, KeyError, AttributeError)
"""The errors of the SDKs for an address, a key or a connection string that they cannot read."""


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn what an SDK raises into one of our errors; ``doing`` begins its message.

    Raises:
        WriteConflict: somebody else wrote first (409, 412).
        RefusedError: the store will never take this document (400, 413).
        ConfigurationError: an address or a key cannot be used.
        TransientError: anything else, because it may pass. A missing permission or container
            counts too: an operator can add it.
    """
    try:
        yield
    except HttpResponseError as error:
        raise _meaning(error, doing) from error
    except (AzureError, OSError, TimeoutError) as error:
        raise TransientError(f"{doing}: {type(error).__name__}") from error
    except ValueError as error:
        why = f"a setting of the store cannot be used ({type(error).__name__})"
        raise ConfigurationError(f"{doing}: {why}") from error


def _meaning(error: HttpResponseError, doing: str) -> WriteConflict | RefusedError | TransientError:
    message = f"{doing}: {error.status_code} {error.reason}"
    if error.status_code in _CONFLICT:
        return WriteConflict(message)
    if error.status_code in _REFUSED:
        return RefusedError(message)
    return TransientError(message)


def is_not_there(error: HttpResponseError) -> bool:
    """Return whether the blob or document is missing, and not the blob container that it is in."""
    container_missing = getattr(error, "error_code", None) == "ContainerNotFound"
    return error.status_code == _NOT_THERE and not container_missing


@contextmanager
def missing_is_fine() -> Iterator[None]:
    """Pass over a blob or document that is missing; raise every other error."""
    try:
        yield
    except HttpResponseError as error:
        if not is_not_there(error):
            raise


@contextmanager
def named_setting(name: str, expected: str) -> Iterator[None]:
    """Name the setting that an SDK cannot read, and what was ``expected`` of it.

    The value is not shown, because it may hold a key.

    Raises:
        ConfigurationError: the SDK cannot read it.
    """
    try:
        yield
    except _UNUSABLE:
        raise ConfigurationError(f"{name} cannot be used: expected {expected}") from None
