"""What serves when a night begins, also where its bundle must not serve any more."""

from datetime import UTC, datetime

from shared.containers import MODELS
from shared.model import packaged_bundle
from tests.unit.training.nightly.night_world import NOW, NightWorld
from training.models import model_store
from training.nightly.champion import read_champion


def promoted(*versions: str) -> NightWorld:
    company = NightWorld()
    for version in versions:
        company.publish(version)
        model_store.promote(company.blobs, version, NOW, None, by_hand=True)
    return company


def test_the_packaged_tables_are_the_champion_where_nothing_was_promoted() -> None:
    champion = read_champion(NightWorld().blobs, print)
    assert (champion.version, champion.until) == (None, None)
    assert champion.bundle == packaged_bundle()


def test_the_champion_knows_until_when_it_learned() -> None:
    champion = read_champion(promoted("v1").blobs, print)
    assert (champion.version, champion.bundle.version) == ("v1", "v1")
    assert champion.until == datetime(2026, 1, 1, tzinfo=UTC)


def test_what_scorers_go_back_to_stands_in_for_a_broken_champion() -> None:
    company = promoted("v1", "v2")
    company.blobs.put(MODELS, "v2/bundle.json", b"broken")
    champion = read_champion(company.blobs, company.said.append)
    assert (champion.version, champion.bundle.version) == ("v2", "v1")
    assert champion.bundle.degraded
    assert "the champion v2 is broken" in company.said[0]


def test_the_packaged_tables_stand_in_where_no_earlier_champion_is_whole() -> None:
    company = promoted("v1", "v2")
    for version in ("v1", "v2"):
        company.blobs.put(MODELS, f"{version}/bundle.json", b"broken")
    champion = read_champion(company.blobs, company.said.append)
    assert (champion.version, champion.bundle) == ("v2", packaged_bundle())
