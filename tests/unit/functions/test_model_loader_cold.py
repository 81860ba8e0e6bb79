"""A process that starts: what was ever published is never replaced by something packaged."""

import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest

from functions.slots import GONE
from shared.champion import Pointer, Served, encode_pointer
from shared.errors import TransientError
from shared.model import BasketTable, encode_bundle
from tests.bundles import a_bundle
from tests.unit.functions.model_loader_world import FakeFiles, loader, settled

HEADER = "product_id,name,category,subcategory,list_price,standard_cost,currency,valid_from\n"


def prices(currency: str = "EUR", product: str = "OWN-1") -> bytes:
    row = f"{product},Own,a,b,100,50,{currency},2020-01-01T00:00:00Z\n"
    return (HEADER + row).encode()


def pointer(*versions: str, **fields: object) -> bytes:
    """A pointer to the first of these, which served after the others."""
    first, *earlier = (Served(version, encode_bundle(a_bundle(version))[1]) for version in versions)
    return encode_pointer(
        Pointer(first.version, first.sha256, earlier=tuple(earlier), **fields)  # type: ignore[arg-type]
    )


def full() -> FakeFiles:
    """Three bundles of which the third serves, and catalogue and policy that replaced others."""
    files = FakeFiles()
    for version in ("v1", "v2", "v3"):
        files.promote(version)
    said = pointer("v3", "v2", "v1", reference=("catalogue.csv", "policy.json"))
    files.files |= {
        "models/champion.json": said,
        "models/champion.copy.json": said,
        "reference/catalogue.csv": prices(),
        "reference/catalogue.previous.csv": prices(product="OWN-0"),
        "reference/policy.json": b'{"alert_probability": 0.7}',
        "reference/policy.previous.json": b'{"alert_probability": 0.6}',
    }
    return files


@pytest.fixture
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as made:
        yield made


BAD = {
    "not UTF-8": b"\xff\xfe\xfd",
    "nothing": b"",
    "deep": b"[" * 100_000,
    "another file": b"PK\x03\x04",
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize("name", ["reference/catalogue.csv", "reference/policy.json"])
async def test_a_file_that_is_refused_leaves_its_place_to_the_one_it_replaced(
    name: str, bad: bytes, executor: Executor
) -> None:
    files = full()
    files.files[name] = bad
    ours = loader(files, executor)
    scorer = await ours.scorer()
    assert scorer.catalogue.currency == "EUR"
    replaced = name == "reference/policy.json"
    assert scorer.policy.alert_probability == (0.6 if replaced else 0.7)
    (refusal,) = ours.status()["refusals"]
    assert (refusal["what"], refusal["since"]) == (name, "2026-03-01T12:00:00.000000Z")
    serves = scorer.policy.version if replaced else scorer.catalogue.version
    assert refusal["serves"] == serves
    assert ours.degraded() == ()


@pytest.mark.parametrize("name", ["reference/catalogue.csv", "reference/policy.json"])
async def test_a_file_that_is_gone_leaves_its_place_to_the_one_it_replaced(
    name: str, executor: Executor
) -> None:
    files = full()
    del files.files[name]
    ours = loader(files, executor)
    scorer = await ours.scorer()
    assert scorer.catalogue.currency == "EUR"
    assert scorer.policy.alert_probability >= 0.6
    assert ours.status()["refusals"][0]["why"] == GONE


@pytest.mark.parametrize("name", ["catalogue.csv", "policy.json"])
@pytest.mark.parametrize("bad", [b"oops", None], ids=["refused", "gone"])
async def test_without_one_before_it_the_orders_wait_until_it_is_mended(
    name: str, bad: bytes | None, executor: Executor
) -> None:
    files = full()
    stem, _, kind = name.partition(".")
    del files.files[f"reference/{stem}.previous.{kind}"]
    good = files.files.pop(f"reference/{name}")
    if bad is not None:
        files.files[f"reference/{name}"] = bad
    ours = loader(files, executor)
    for _ in range(2):
        with pytest.raises(TransientError, match=f"may serve, nor one before it: reference/{name}"):
            await ours.scorer()
    assert ours.status()["refusals"][0]["serves"] is None
    files.files[f"reference/{name}"] = good
    assert (await ours.scorer()).catalogue.currency == "EUR"
    assert ours.status()["refusals"] == []


async def test_the_orders_wait_where_the_one_before_is_refused_too(executor: Executor) -> None:
    files = full()
    files.files["reference/catalogue.csv"] = files.files["reference/catalogue.previous.csv"] = b"no"
    ours = loader(files, executor)
    with pytest.raises(TransientError, match=r"catalogue\.previous\.csv"):
        await ours.scorer()
    refused = [one["what"] for one in ours.status()["refusals"]]
    assert refused == ["reference/catalogue.csv", "reference/catalogue.previous.csv"]


async def test_bundles_are_gone_back_along_the_pointer_until_one_may_serve(
    executor: Executor,
) -> None:
    files = full()
    files.files["models/v3/bundle.json"] += b" "
    del files.files["models/v2/bundle.json"]
    ours = loader(files, executor)
    assert (await ours.scorer()).bundle.version == "v1"
    refusals = {one["what"]: one for one in ours.status()["refusals"]}
    assert "bundle has SHA-256" in refusals["models/champion.json"]["why"]
    assert refusals["models/champion.json"]["serves"] == "v1"
    assert "is not there" in refusals["models/v2/bundle.json"]["why"]
    assert ours.status()["promoted_at"] is None
    files.promote("v3")
    await ours.refresh()
    assert (await ours.scorer()).bundle.version == "v3"
    assert ours.status()["refusals"] == []


@pytest.mark.parametrize("bad", [b"oops", b"\xff", None], ids=["refused", "not UTF-8", "gone"])
async def test_a_pointer_that_is_gone_or_unreadable_is_read_from_its_copy(
    bad: bytes | None, executor: Executor
) -> None:
    files = full()
    del files.files["models/champion.json"]
    if bad is not None:
        files.files["models/champion.json"] = bad
    ours = loader(files, executor)
    assert (await ours.scorer()).bundle.version == "v3"
    assert ours.status()["refusals"][0]["what"] == "models/champion.json"
    files.files["models/v3/bundle.json"] = b"no bundle"
    cold = loader(files, executor)
    assert (await cold.scorer()).bundle.version == "v2"


async def test_a_pointer_that_is_refused_and_has_no_copy_is_never_the_packaged_bundle(
    executor: Executor,
) -> None:
    files = full()
    del files.files["models/champion.copy.json"]
    files.files["models/champion.json"] = b"oops"
    with pytest.raises(TransientError, match="no bundle may serve"):
        await loader(files, executor).scorer()


async def test_where_no_catalogue_lay_when_the_pointer_was_moved_the_packaged_one_serves(
    executor: Executor,
) -> None:
    files = FakeFiles()
    files.promote("v1", reference=[])
    ours = loader(files, executor)
    assert (await ours.scorer()).catalogue.currency == "USD"
    assert ours.degraded() == (("catalogue", "none was ever published"),)


async def test_an_older_pointers_bundle_tells_by_its_products_that_a_catalogue_is_gone(
    executor: Executor,
) -> None:
    files = FakeFiles()
    own = a_bundle("v1", baskets=BasketTable(orders=9, alone={"OWN-1": 1.0}))
    files.promote("v1", data=encode_bundle(own)[0])
    with pytest.raises(TransientError, match="no catalogue may serve"):
        await loader(files, executor).scorer()


async def test_what_was_packaged_serves_on_beside_a_first_file_that_is_refused_and_says_so(
    executor: Executor,
) -> None:
    files = FakeFiles()
    ours = loader(files, executor)
    await ours.scorer()
    files.files["reference/policy.json"] = b"oops"
    await ours.refresh()
    refused = "reference/policy.json is refused, and none served before it"
    assert ("policy", refused) in ours.degraded()
    del files.files["reference/policy.json"]  # taken back
    await ours.refresh()
    assert ours.status()["refusals"] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda good: good.replace(b'"v2"', b'"v\xff"'),
        lambda good: good[:-1] + b',"classifier":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        lambda _: b"[" * 1_000_000,
        lambda _: b"\x00" * 100,
        lambda good: json.dumps(json.loads(good) | {"hidden": [{"basis_points": -1}]}).encode(),
    ],
    ids=["not UTF-8", "deep inside", "deep", "zeros", "absurd"],
)
async def test_a_bundle_of_the_right_hash_never_stops_what_serves(
    spoil: Callable[[bytes], bytes], executor: Executor
) -> None:
    files = full()
    ours = loader(files, executor)
    await ours.scorer()
    bad = spoil(encode_bundle(a_bundle("v4"))[0].replace(b'"v4"', b'"v2"'))
    files.promote("v4", data=bad, sha256=hashlib.sha256(bad).hexdigest())
    await ours.refresh()
    assert (await settled(ours)).bundle.version == "v3"
    assert ours.status()["refusals"][0]["serves"] == "v3"


@pytest.mark.parametrize("error", [RecursionError, MemoryError, ValueError, ZeroDivisionError])
async def test_whatever_making_a_scorer_of_a_file_raises_is_a_refusal_of_it(
    error: type[Exception], executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = full()
    ours = loader(files, executor)
    first = await ours.scorer()

    tried = []

    def made(*_: object) -> None:
        tried.append(1)
        raise error

    monkeypatch.setattr("functions.model_loader.Scorer", made)
    files.files["reference/policy.json"] = b'{"alert_probability": 0.8}'
    for _ in range(3):
        await ours.refresh()
    assert await settled(ours) is first
    assert len(tried) == 1  # not again until it changes
    refusal = ours.status()["last_refusal"]
    assert refusal["what"] == "reference/policy.json"
    assert error.__name__ in refusal["why"]
    assert refusal["serves"] == first.policy.version
    monkeypatch.undo()
    files.files["reference/policy.json"] = b'{"alert_probability": 0.9}'
    await ours.refresh()
    assert (await settled(ours)).policy.alert_probability == 0.9
