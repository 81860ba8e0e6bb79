"""Where what serves comes from, and what comes before it."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from functions.known_files import KnownFiles, RefusedFileError
from functions.sources import Champion, ReferenceFile, read_bundle, usable_catalogue, usable_policy
from shared.champion import Served
from shared.errors import ConfigurationError, NotThereError
from shared.model import encode_bundle
from tests.bundles import a_bundle
from tests.unit.functions.model_loader_world import FakeFiles


@pytest.fixture
def files() -> FakeFiles:
    return FakeFiles()


@pytest.fixture
def known(files: FakeFiles) -> Iterator[KnownFiles]:
    with ThreadPoolExecutor(1) as executor:
        yield KnownFiles(files, executor)


async def test_the_champion_is_the_bundle_that_the_pointer_names(
    files: FakeFiles, known: KnownFiles
) -> None:
    files.promote("v1", moved_at="2026-03-01T02:00:00Z")
    champion = Champion(known)
    assert (await champion.current()).version == "v1"
    assert champion.moved_at("v1") == "2026-03-01T02:00:00Z"
    assert champion.moved_at("v0") is None


async def test_before_the_champion_come_the_bundles_that_its_pointer_names_as_earlier(
    files: FakeFiles, known: KnownFiles
) -> None:
    digests = {version: encode_bundle(a_bundle(version))[1] for version in ("v1", "v2")}
    for version in ("v1", "v2"):
        files.promote(version)
    earlier = [{"version": version, "sha256": digests[version]} for version in ("v2", "v1")]
    files.promote("v3", data=b"no bundle", earlier=earlier)
    champion = Champion(known)
    with pytest.raises(RefusedFileError):
        await champion.current()
    assert [(await read()).version for read in await champion.before()] == ["v2", "v1"]


async def test_where_the_pointer_is_gone_its_copy_tells_that_there_was_one(
    files: FakeFiles, known: KnownFiles
) -> None:
    champion = Champion(known)
    assert await champion.was_there() is False
    files.promote("v1", pointer="champion.copy")
    assert await champion.was_there() is True
    with pytest.raises(NotThereError):
        await champion.current()
    assert [(await read()).version for read in await champion.before()] == ["v1"]


async def test_a_bundle_of_another_version_than_its_pointers_is_refused(
    files: FakeFiles, known: KnownFiles
) -> None:
    data, sha256 = encode_bundle(a_bundle("v1"))
    files.files["models/v2/bundle.json"] = data
    with pytest.raises(RefusedFileError, match="pointer names v2, its bundle is v1"):
        await read_bundle(known, Served("v2", sha256))


async def test_a_pointer_to_a_bundle_that_is_gone_is_refused_by_the_bundles_path(
    known: KnownFiles,
) -> None:
    with pytest.raises(RefusedFileError, match=r"models/v2/bundle\.json, which is not there"):
        await read_bundle(known, Served("v2", "0" * 64))


async def test_before_a_reference_file_comes_the_one_that_publishing_kept(
    files: FakeFiles, known: KnownFiles
) -> None:
    files.files["reference/policy.previous.json"] = b"6"
    source = ReferenceFile(known, "policy.json", json.loads, lambda _: False)
    assert await source.was_there() is True
    assert [await read() for read in await source.before()] == [6]
    del files.files["reference/policy.previous.json"]
    assert await source.was_there() is False


async def test_a_reference_file_that_the_pointer_expects_was_there(known: KnownFiles) -> None:
    source = ReferenceFile(known, "policy.json", json.loads, lambda name: name == "policy.json")
    assert await source.was_there() is True


def test_a_catalogue_and_a_policy_are_usable_only_if_a_scorer_takes_them() -> None:
    header = "product_id,name,category,subcategory,list_price,standard_cost,currency,valid_from\n"
    row = "OWN-1,Own,a,b,100,50,EUR,2020-01-01T00:00:00Z\n"
    assert usable_catalogue((header + row).encode()).currency == "EUR"
    assert usable_policy(b'{"alert_probability": 0.7}').alert_probability == 0.7
    with pytest.raises(ConfigurationError):
        usable_catalogue(header.encode())
    with pytest.raises(ConfigurationError):
        usable_policy(b'{"alert_probability": 7}')
