"""The conditions of a write or a read, by version (ETag), as arguments of the SDKs."""

from typing import Any

from azure.core import MatchConditions


def only_over(version: str) -> dict[str, Any]:
    """Return the arguments that let a write replace this version and no other."""
    return {"etag": version, "match_condition": MatchConditions.IfNotModified}


def unless_still(version: str) -> dict[str, Any]:
    """Return the arguments that let a read answer only if the version has changed."""
    return {"etag": version, "match_condition": MatchConditions.IfModified}


def blob_write(version: str | None, *, replace: bool = False) -> dict[str, Any]:
    """Return the arguments of a blob's upload.

    It creates the blob where ``version`` is None, else it replaces that version only. With
    ``replace`` it writes in any case.
    """
    if replace:
        return {"overwrite": True}
    if version is None:
        return {"overwrite": False}
    return {"overwrite": True, **only_over(version)}
