"""python -m infra.local.publish MODEL: put a trained bundle on the shelf that scorers read.

The bundle goes up first and the pointer last, so that a scorer never reads a pointer to a bundle
that is not whole. Promotion proper (comparing, refusing, rolling back) is the trainer's.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from azure.storage.blob import BlobServiceClient


class _Card(msgspec.Struct):
    """As much of a card as the pointer repeats."""

    version: str
    bundle_sha256: str


def publish(model: Path, settings: Mapping[str, str], catalogue: Path | None = None) -> str:
    """Upload a folder made by `training.train` and point to it; returns the bundle's version."""
    card_json = (model / "card.json").read_bytes()
    card = msgspec.json.decode(card_json, type=_Card)
    pointer = {"schema_version": 1, "version": card.version, "sha256": card.bundle_sha256}
    with BlobServiceClient.from_connection_string(settings["BLOB_CONNECTION"]) as service:
        if catalogue is not None:
            _put(service, "reference", "catalogue.csv", catalogue.read_bytes())
        bundle = (model / "bundle.json").read_bytes()
        _put(service, "models", f"{card.version}/bundle.json", bundle)
        _put(service, "models", f"{card.version}/card.json", card_json)
        _put(service, "models", "champion.json", msgspec.json.encode(pointer))
    return card.version


def _put(service: BlobServiceClient, container: str, name: str, data: bytes) -> None:
    service.get_blob_client(container, name).upload_blob(data, overwrite=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Publish; its exit code: 2 and one line where the folder or the setting is missing."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.publish", description=__doc__)
    parser.add_argument("model", type=Path, help="folder written by training.train --out")
    parser.add_argument("--catalogue", type=Path, help="CSV to publish beside it")
    options = parser.parse_args(arguments)
    try:
        print(f"serving {publish(options.model, os.environ, options.catalogue)}")
    except KeyError as error:
        print(f"publish: {error.args[0]} is not set", file=sys.stderr)
        return 2
    except (OSError, msgspec.DecodeError) as error:
        print(f"publish: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
