"""A check looks again until its deadline, unless it has failed for good."""

import asyncio

import pytest

from infra.waiting import Broken, NotYet, until
from shared.errors import TransientError
from tests.patience import PATIENCE


async def test_what_may_pass_is_looked_at_again() -> None:
    failures: list[Exception] = [NotYet("cold"), TransientError("no role yet")]

    async def look() -> str:
        if failures:
            raise failures.pop()
        return "well"

    assert await until(look, PATIENCE) == "well"


async def test_what_will_never_pass_is_not_looked_at_again() -> None:
    looks: list[str] = []

    async def look() -> str:
        looks.append("a look")
        raise Broken("tampered")

    with pytest.raises(Broken, match=r"^tampered$"):
        await until(look, PATIENCE)
    assert len(looks) == 1


async def test_at_the_deadline_what_was_seen_last_is_said() -> None:
    seen = iter([NotYet("answers 503")])

    async def look() -> str:
        for failure in seen:
            raise failure
        await asyncio.Event().wait()
        return "never"

    with pytest.raises(Broken, match=r"^answers 503 \(for 0.8 s\)$"):
        await until(look, 0.8)
