"""python -m infra.local.publish MODEL: put a trained bundle on the shelf that scorers read.

Everything is checked first, as a scorer checks it: what none would take is refused, and nothing is
written. Catalogue and policy go up before the bundle, the pointer last, and what they replace is
kept beside them. Promotion proper (comparing, refusing, rolling back) is the trainer's.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from shared.errors import BundleError, SheriffError
from shared.golden import check_golden
from shared.model import decode_bundle
from shared.reference import CATALOGUE, POLICY
from training import reference, shelf
from training.card import parse_card
from training.mover import mover
from training.settings import TrainingSettings
from training.stores import opened


def publish(
    model: Path,
    settings: Mapping[str, str],
    catalogue: Path | None = None,
    policy: Path | None = None,
) -> str:
    """Upload a folder made by `training.train` and point to it; returns the bundle's version.

    Raises:
        SheriffError: a file would be refused by scorers, a setting is wrong, or the store failed.
        OSError: a file cannot be read.
    """
    card_json, bundle = (model / "card.json").read_bytes(), (model / "bundle.json").read_bytes()
    version = _checked(card_json, bundle)
    named = {CATALOGUE: catalogue, POLICY: policy}
    beside = {name: path.read_bytes() for name, path in named.items() if path is not None}
    for name, data in beside.items():
        reference.check(name, data)
    with opened(TrainingSettings.from_environ(settings)) as (blobs, _):
        for name, data in beside.items():
            reference.publish(blobs, name, data)
        shelf.publish(blobs, version, bundle, card_json)
        now, moved_by = datetime.now(UTC), mover(settings)
        shelf.promote(blobs, version, now, None, by_hand=True, moved_by=moved_by)
    return version


def _checked(card_json: bytes, data: bytes) -> str:
    """The version of a bundle that may serve.

    Raises:
        BundleError: it must not, or is another than its card's.
    """
    card = parse_card(card_json)
    try:
        bundle = decode_bundle(data, card.bundle_sha256)
    except BundleError:
        raise
    except Exception as error:  # a scorer refuses it for that, too
        raise BundleError(f"bundle is not readable: {type(error).__name__}: {error}") from error
    if bundle.version != card.version:
        raise BundleError(f"the card is of {card.version}, the bundle is {bundle.version}")
    check_golden(bundle)
    return card.version


def main(arguments: Sequence[str] | None = None) -> int:
    """Publish; its exit code: 2 and one line where something must not serve or is missing."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.publish", description=__doc__)
    parser.add_argument("model", type=Path, help="folder written by training.train --out")
    parser.add_argument("--catalogue", type=Path, help="CSV to publish beside it")
    parser.add_argument("--policy", type=Path, help="JSON to publish beside it")
    options = parser.parse_args(arguments)
    try:
        version = publish(options.model, os.environ, options.catalogue, options.policy)
    except (OSError, SheriffError) as error:
        print(f"publish: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    print(f"serving {version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
