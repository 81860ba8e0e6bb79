"""Learns a night's challenger from all but the latest orders, or finds the one already learned."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.model import encode_bundle
from shared.order import Order
from training.comparison.history_window import Search, chosen_part, search
from training.history.dataset import Dataset
from training.history.decisions import settled
from training.history.orders import OrderFile
from training.learning.learn import learn
from training.learning.learned import Learned
from training.learning.weak_labels import with_classifier
from training.models.golden import with_golden
from training.models.model_card import ModelCard, encode_card, make_card
from training.models.model_store import check_bundle, publish, read_card, read_encoded
from training.ports import Blobs

LATER_SHARE = 0.2
"""The largest share of the history that a challenger does not learn from but is judged on."""


@dataclass(frozen=True, slots=True)
class Challenger:
    """A bundle that wants to serve, as it lies in the model store.

    Attributes:
        learned: the bundle, and what its card says about it.
        encoded: the bundle's file.
        card: the bundle's card.
        search: how much history was tried to learn from; None where an earlier run did that.
    """

    learned: Learned
    encoded: bytes
    card: ModelCard
    search: Search | None


def first_later(data: Dataset) -> int:
    """Return the position of the first order that the challenger does not learn from."""
    count = len(data.orders)
    return count - min(round(LATER_SHARE * count), data.policy.later_orders)


def find_challenger(blobs: Blobs, data: Dataset) -> Challenger | None:
    """Read the challenger that an earlier run of this version learned; None where none did.

    Raises:
        BundleError: the bundle is there and must not serve.
        TransientError: the store failed.
    """
    card = read_card(blobs, data.version)
    if card is None:
        return None
    # The stored bytes, because encoding the bundle again may write 0.0 where the file says 0.
    encoded = read_encoded(blobs, data.version)
    bundle = check_bundle(encoded, card.bundle_sha256)
    return Challenger(Learned(bundle, card.metrics, card.packaged_defaults), encoded, card, None)


def learn_challenger(data: Dataset) -> Challenger:
    """Choose how much history to learn from, and learn from it.

    Raises:
        ConfigurationError: the catalogue prices not one of the orders.
    """
    before = data.orders[: first_later(data)]
    searched = search(before, data.catalogue, data.partitions)
    part = chosen_part(before, searched)
    learned = _learned(part, data)
    encoded, sha256 = encode_bundle(learned.bundle)
    quality = data.quality
    history = OrderFile(tuple(part), quality.refused, quality.superseded, data.snapshot_sha256)
    return Challenger(
        learned, encoded, make_card(learned, history, data.catalogue, sha256), searched
    )


def keep_challenger(blobs: Blobs, challenger: Challenger) -> None:
    """Write bundle and card into the model store, where the next run finds them.

    Raises:
        Conflict: the version is there with another bundle.
        TransientError: the store failed.
    """
    card = challenger.card
    publish(blobs, card.version, challenger.encoded, encode_card(card))


def _learned(orders: Sequence[Order], data: Dataset) -> Learned:
    """Learn every table, add what analysts decided, and choose golden orders."""
    learned = learn(orders, data.catalogue, data.version)
    delay = timedelta(days=data.policy.label_delay_days)
    decisions = settled(data.decisions, orders, orders[-1].ordered_at, delay)
    learned = with_classifier(learned, orders, data.catalogue, decisions)
    return replace(learned, bundle=with_golden(learned.bundle, orders, data.catalogue))
