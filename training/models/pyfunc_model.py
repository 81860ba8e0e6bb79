"""A bundle as MLflow loads it (`mlflow.pyfunc.load_model`): orders in, verdicts out.

MLflow keeps this module and the package `shared` with every model, so this module imports nothing
else of Sheriff. A model loads wherever MLflow, numpy, pandas and msgspec are installed.
"""

import hashlib
import shutil
from pathlib import Path

import pandas as pd

from shared.catalogue import Catalogue, packaged_catalogue
from shared.episodes import EpisodeState
from shared.errors import OrderError
from shared.model import decode_bundle
from shared.order import parse_order
from shared.policy import Policy
from shared.scoring import Scorer

ORDER = "order"
"""The one column of the input: an order as a producer sends it, as JSON text."""

LIBRARIES = ("msgspec", "numpy", "pandas")
"""The libraries that a model needs beside MLflow."""

_BUNDLE, _CATALOGUE = "bundle.json", "catalogue.csv"


class ServedBundle:
    """Scores each order by itself, as if no episode of a hidden discount were open."""

    def __init__(self, scorer: Scorer) -> None:
        """Take the same scorer that the function uses."""
        self._scorer = scorer

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a row for each order: its id, the probabilities (0-1) and whether it is an alert.

        Raises:
            OrderError: an order breaks the contract or is in another currency; names its row.
        """
        verdicts = [self._verdict(row, text) for row, text in enumerate(frame[ORDER])]
        return pd.DataFrame(verdicts)

    def _verdict(self, row: int, text: str) -> dict[str, str | float | bool]:
        try:
            order = parse_order(text.encode())
            (assessment,), _ = self._scorer.score_many([order], EpisodeState())
        except OrderError as error:
            raise OrderError(error.code, error.field, f"row {row}: {error.message}") from error
        return {
            "order_id": order.order_id,
            "p_added_item": float(assessment.p_added_item),
            "p_hidden_discount": float(assessment.p_hidden_discount),
            "probability": float(assessment.probability),
            "alerted": assessment.alerted,
        }


def write_files(folder: Path, bundle: bytes, catalogue: bytes | None) -> None:
    """Write what `_load_pyfunc` reads: the bundle, and the prices if they are not packaged."""
    folder.mkdir(parents=True)
    (folder / _BUNDLE).write_bytes(bundle)
    if catalogue is not None:
        (folder / _CATALOGUE).write_bytes(catalogue)


def write_code(folder: Path) -> list[str]:
    """Copy this module and `shared` into a folder, and return the packages' paths."""
    here = Path(__file__).resolve()
    root, own, core = here.parents[2], folder / "training", folder / "shared"
    for part in (own, own / here.parent.name):
        part.mkdir(parents=True)
    for file in (here.parents[1] / "__init__.py", here.parent / "__init__.py", here):
        shutil.copyfile(file, folder / file.relative_to(root))
    shutil.copytree(root / "shared", core, ignore=shutil.ignore_patterns("__pycache__"))
    return [str(own), str(core)]


def _load_pyfunc(data_path: str) -> ServedBundle:
    """Load the model's files; MLflow calls this by name.

    Raises:
        BundleError: the bundle is not one of this version.
    """
    folder = Path(data_path)
    data = (folder / _BUNDLE).read_bytes()
    bundle = decode_bundle(data, hashlib.sha256(data).hexdigest())
    prices = folder / _CATALOGUE
    catalogue = Catalogue.from_csv(prices.read_bytes()) if prices.exists() else packaged_catalogue()
    return ServedBundle(Scorer(bundle, catalogue, Policy()))
