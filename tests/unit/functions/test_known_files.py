"""Each version of a file is read and parsed once, good or bad."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest

from functions.known_files import KnownFiles, RefusedFileError, reason
from shared.errors import BundleError, NotThereError, TransientError
from tests.unit.functions.model_loader_world import FakeFiles


@pytest.fixture
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as made:
        yield made


async def test_a_version_is_read_and_parsed_once_and_a_new_one_again(executor: Executor) -> None:
    files = FakeFiles({"box/number": b"7"})
    known = KnownFiles(files, executor)
    assert [await known.value("box", "number", int) for _ in range(3)] == [7, 7, 7]
    assert files.read_whole == 1
    files.files["box/number"] = b"8"
    assert await known.value("box", "number", int) == 8
    assert files.read_whole == 2


async def test_a_file_that_cannot_be_parsed_is_refused_by_name_and_not_read_again(
    executor: Executor,
) -> None:
    files = FakeFiles({"box/number": b"seven"})
    known = KnownFiles(files, executor)
    for _ in range(3):
        with pytest.raises(RefusedFileError, match="box/number: ValueError: invalid literal"):
            await known.value("box", "number", int)
    assert files.read_whole == 1


async def test_one_file_may_be_parsed_in_different_ways(executor: Executor) -> None:
    known = KnownFiles(FakeFiles({"box/number": b"7"}), executor)
    assert await known.value("box", "number", int) == 7
    assert await known.value("box", "number", bytes.decode, "text") == "7"


async def test_a_file_that_goes_is_not_there_and_comes_back_as_new(executor: Executor) -> None:
    files = FakeFiles({"box/number": b"7"})
    known = KnownFiles(files, executor)
    await known.value("box", "number", int)
    del files.files["box/number"]
    with pytest.raises(NotThereError):
        await known.value("box", "number", int)
    assert await known.there("box", "number") is False
    files.files["box/number"] = b"7"
    assert await known.there("box", "number") is True
    assert await known.value("box", "number", int) == 7


async def test_what_nobody_asked_for_is_forgotten_unless_it_is_in_use(executor: Executor) -> None:
    files = FakeFiles({"box/used": b"1000", "box/old": b"2000"})
    known = KnownFiles(files, executor)
    used = await known.value("box", "used", int)
    await known.value("box", "old", int)
    known.forget([])  # both have just been asked for
    known.forget([used])
    before = files.read_whole
    assert await known.value("box", "used", int) == 1000
    assert files.read_whole == before
    assert await known.value("box", "old", int) == 2000
    assert files.read_whole == before + 1


async def test_a_bug_of_the_store_says_nothing_about_the_file(executor: Executor) -> None:
    class BrokenFiles(FakeFiles):
        async def read(self, container: str, name: str, known: str | None = None) -> None:
            raise ZeroDivisionError("a bug")

    with pytest.raises(TransientError, match="box/number cannot be read: ZeroDivisionError"):
        await KnownFiles(BrokenFiles(), executor).value("box", "number", int)


def test_a_reason_is_one_short_line_and_names_errors_that_are_not_ours() -> None:
    assert reason(BundleError("bundle\n  is half")) == "bundle is half"
    assert reason(ValueError("odd")) == "ValueError: odd"
    assert reason(RecursionError()) == "RecursionError"
    assert len(reason(ValueError("x" * 5_000))) <= 300
