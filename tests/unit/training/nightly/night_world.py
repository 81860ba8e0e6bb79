"""A simulated company and its stores, before and between its nights."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

from shared.catalogue import packaged_catalogue
from shared.champion import CHAMPION, parse_pointer
from shared.containers import ARCHIVE, MODELS
from shared.model import encode_bundle
from tests.bundles import a_bundle
from tests.unit.training.world import (
    FakeBlobs,
    FakeDocuments,
    FakeLease,
    FakeRecord,
    capture_file,
    capture_name,
)
from training.comparison.comparison import Check, Comparison, Verdict
from training.history.dataset import Dataset, gather_dataset
from training.history.price_arrays import price_table
from training.models import model_store, reference_files
from training.models.model_card import ModelCard, ModelCardData, encode_card
from training.nightly.night import Night
from training.simulation.company import Company, Ladder
from training.simulation.order_bodies import order_bodies, order_ids
from training.simulation.synthesis import draw_orders

NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)
COMPANY = Company(ladder=Ladder(steps_bp=(300, 700, 1_200), rate=0.25))


@cache
def bodies() -> list[bytes]:
    """Return 1,000 orders in time order, as their producers sent them."""
    prices = price_table(packaged_catalogue())
    drawn = draw_orders(COMPANY, prices, 1_000, 8)
    return list(order_bodies(drawn, prices, COMPANY, order_ids(drawn, "h-"), "USD"))


@dataclass
class NightWorld:
    """The stores of a company, and what its nights said."""

    blobs: FakeBlobs = field(default_factory=FakeBlobs)
    documents: FakeDocuments = field(default_factory=FakeDocuments)
    record: FakeRecord = field(default_factory=FakeRecord)
    lease: FakeLease = field(default_factory=FakeLease)
    said: list[str] = field(default_factory=list)

    def archive(self, orders: list[bytes], day: int) -> None:
        """Add a day's file to the archive."""
        name = capture_name(NOW - timedelta(days=30 - day))
        self.blobs.put(ARCHIVE, name, capture_file(orders))

    def night(self) -> Night:
        return Night(
            self.blobs, self.documents, self.record, self.lease, "orders", NOW, self.said.append
        )

    def dataset(self) -> Dataset:
        """Return the data of a night."""
        reference = reference_files.read(self.blobs)
        data = gather_dataset(self.blobs, self.documents, reference, "orders", NOW)
        assert data is not None
        return data

    def publish(self, version: str) -> None:
        """Put a bundle that may serve into the model store."""
        encoded, sha256 = encode_bundle(a_bundle(version))
        day = "2026-01-01T00:00:00Z"
        card = encode_card(ModelCard(version, sha256, ModelCardData(day, day, "0" * 64)))
        model_store.publish(self.blobs, version, encoded, card)

    @property
    def champion(self) -> str | None:
        pointer = self.blobs.read(MODELS, CHAMPION)
        return None if pointer is None else parse_pointer(pointer[0]).version

    def check(self) -> None:
        """Assert that there is one whole champion or none: what scorers would find now."""
        pointer, _ = model_store.read_pointer(self.blobs)
        if pointer is not None:
            model_store.read_bundle(self.blobs, pointer.version, pointer.sha256)


def a_company() -> NightWorld:
    """Return a company before its first night, with 600 orders in its archive."""
    company = NightWorld()
    company.archive(bodies()[:600], 1)
    return company


def always(outcome: str) -> Callable[..., Verdict]:
    """Return a decision that comes to this outcome, whatever is compared."""

    def decide(comparison: Comparison, policy: object, *, champion_degraded: bool) -> Verdict:
        return Verdict(outcome, (f"It is {outcome}.",), (Check("any", True, "Fine."),))  # type: ignore[arg-type]

    return decide
