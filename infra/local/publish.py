"""python -m infra.local.publish [MODEL] [--catalogue C.csv] [--policy P.json]: make it serve.

It puts a trained bundle, prices and thresholds into the store that scorers read. First it checks
all of them as a scorer does; if a scorer would refuse one, it writes nothing. It writes catalogue
and policy before the bundle, and the pointer last; it keeps what they replace beside them. It does
not compare models: promoting, refusing and rolling back are the trainer's work.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from shared.errors import BundleError, SheriffError
from shared.golden import check_golden
from shared.model import decode_bundle
from shared.reference import CATALOGUE, POLICY
from training.models import model_store, reference_files
from training.models.model_card import parse_card
from training.models.mover import mover
from training.ports import Blobs
from training.settings import TrainingSettings
from training.stores import opened


def publish(
    model: Path | None,
    settings: Mapping[str, str],
    catalogue: Path | None = None,
    policy: Path | None = None,
) -> list[str]:
    """Upload a folder made by `training.train` and point to it; upload catalogue and policy.

    Returns the names of the uploaded files, then the bundle's version.

    Raises:
        SheriffError: a file would be refused by scorers, a setting is wrong, or the store failed.
        OSError: a file cannot be read.
    """
    whole = None if model is None else _Model.read(model)
    named = {CATALOGUE: catalogue, POLICY: policy}
    beside = {name: path.read_bytes() for name, path in named.items() if path is not None}
    for name, data in beside.items():
        reference_files.check(name, data)
    with opened(TrainingSettings.from_environ(settings)) as (blobs, _):
        for name, data in beside.items():
            reference_files.publish(blobs, name, data)
        if whole is not None:
            whole.promote(blobs, mover(settings))
    return [*beside, *([whole.version] if whole is not None else [])]


@dataclass(frozen=True, slots=True)
class _Model:
    """A bundle that may serve, with its card."""

    version: str
    bundle: bytes
    card: bytes

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read a folder.

        Raises:
            BundleError: the bundle must not serve, or its card is another bundle's.
            OSError: a file cannot be read.
        """
        data, card_json = (folder / "bundle.json").read_bytes(), (folder / "card.json").read_bytes()
        card = parse_card(card_json)
        try:
            bundle = decode_bundle(data, card.bundle_sha256)
        except BundleError:
            raise
        except Exception as error:  # a scorer refuses it, too
            raise BundleError(f"bundle is not readable: {type(error).__name__}: {error}") from error
        if bundle.version != card.version:
            raise BundleError(f"the card is of {card.version}, the bundle is {bundle.version}")
        check_golden(bundle)
        return cls(card.version, data, card_json)

    def promote(self, blobs: Blobs, moved_by: str | None) -> None:
        """Upload it and point to it."""
        model_store.publish(blobs, self.version, self.bundle, self.card)
        now = datetime.now(UTC)
        model_store.promote(blobs, self.version, now, None, by_hand=True, moved_by=moved_by)


def main(arguments: Sequence[str] | None = None) -> int:
    """Publish; return 2 and print one line if a file must not serve or is missing."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.publish", description=__doc__)
    model = parser.add_argument(
        "model", type=Path, nargs="?", help="folder written by training.train --out"
    )
    parser.add_argument("--catalogue", type=Path, help="CSV of prices")
    parser.add_argument("--policy", type=Path, help="JSON of thresholds")
    options = parser.parse_args(arguments)
    if options.model is options.catalogue is options.policy is None:
        parser.error(f"nothing to publish: {model.help}, --catalogue or --policy")
    try:
        serving = publish(options.model, os.environ, options.catalogue, options.policy)
    except (OSError, SheriffError) as error:
        print(f"publish: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    print(f"serving {', '.join(serving)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
