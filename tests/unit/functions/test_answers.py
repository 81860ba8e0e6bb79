"""The HTTP API answers with a page of alerts or a problem, and keeps an answer for a while."""

import asyncio
from dataclasses import dataclass, field

import pytest

from functions.answers import Answer, Remembered, guarded, list_alerts
from shared.errors import TransientError
from tests.unit.functions.world import FakeReader


async def test_a_page_of_alerts_is_answered() -> None:
    answer = await list_alerts(FakeReader([{"id": "a.0"}]), {})
    assert answer == Answer(200, {"alerts": [{"id": "a.0"}], "next": None})


async def test_a_bad_parameter_is_a_problem_that_names_it() -> None:
    answer = await list_alerts(FakeReader(), {"limit": "0"})
    assert (answer.status, answer.content_type) == (400, "application/problem+json")
    assert answer.body == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "parameter": "limit",
        "detail": "limit is '0', expected a whole number 1 to 200",
    }


async def test_a_store_that_cannot_be_read_is_a_problem_to_try_again_after() -> None:
    reader = FakeReader(failure=TransientError("10.0.0.1 refused"))
    answer = await guarded(lambda: list_alerts(reader, {}))
    assert (answer.status, answer.content_type) == (503, "application/problem+json")
    assert "10.0.0.1" not in str(answer.body)


async def test_a_bug_is_a_problem_that_tells_nothing_of_itself() -> None:
    async def bug() -> Answer:
        raise KeyError("secret")

    answer = await guarded(bug)
    assert answer.status == 500
    assert "secret" not in str(answer.body)


@dataclass
class Made:
    """Answers that are counted as they are made, and made only when they are let."""

    made: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self) -> Answer:
        self.made += 1
        await self.gate.wait()
        return Answer(200, {"number": self.made})


async def test_many_who_ask_at_once_share_one_look() -> None:
    ours, made = Remembered(10, lambda: 0.0), Made()
    asking = [asyncio.create_task(ours.answer(made)) for _ in range(50)]
    await asyncio.sleep(0)
    made.gate.set()
    assert {answer.body["number"] for answer in await asyncio.gather(*asking)} == {1}
    assert made.made == 1


async def test_an_answer_is_good_for_its_seconds_and_then_made_anew() -> None:
    ticks = iter((0.0, 0.1, 9.9, 10.0, 10.0, 19.9, 20.1, 20.1))  # made: asked, and noted
    ours, made = Remembered(10, lambda: next(ticks)), Made()
    made.gate.set()
    numbers = [(await ours.answer(made)).body["number"] for _ in range(6)]
    assert numbers == [1, 1, 1, 2, 2, 3]


async def test_whoever_gives_up_waiting_spoils_nobody_elses_answer() -> None:
    ours, made = Remembered(10, lambda: 0.0), Made()
    first, second = (asyncio.create_task(ours.answer(made)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    made.gate.set()
    assert (await second).status == 200
    with pytest.raises(asyncio.CancelledError):
        await first
