"""The HTTP answers, whatever carries them."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from functions.alert_query import AlertQuery
from functions.answers import Answer, Condition, Remembered, guarded, health, list_alerts
from functions.condition import Conditions
from functions.progress import Anew, Partition, Watch
from shared.errors import ConfigurationError, SheriffError, TransientError
from tests.unit.functions.world import NOON


@dataclass
class FakeReader:
    found: list[dict[str, Any]] = field(default_factory=list)
    failure: SheriffError | None = None

    async def find(self, query: AlertQuery) -> list[dict[str, Any]]:
        await self.latest()
        return self.found

    async def latest(self) -> str | None:
        if self.failure:
            raise self.failure
        return "2026-03-01T12:00:00.000000Z"


class FakeServing:
    async def scorer(self) -> object:
        return object()

    def status(self) -> dict[str, Any]:
        return {"bundle_version": "v1", "degraded": False, "last_refusal": None}


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


async def test_health_names_what_serves_and_when_the_latest_alert_was_made() -> None:
    answer = await health(FakeReader(), FakeServing(), "all")
    assert answer == Answer(
        200,
        {
            "status": "ok",
            "role": "all",
            "latest_alert_at": "2026-03-01T12:00:00.000000Z",
            "bundle_version": "v1",
            "degraded": False,
            "last_refusal": None,
        },
    )


async def test_health_is_503_while_the_store_cannot_be_read() -> None:
    for failure in (TransientError("gone"), ConfigurationError("COSMOS_ENDPOINT is not set")):
        answer = await health(FakeReader(failure=failure), FakeServing(), "desk")
        assert answer == Answer(503, {"status": "unavailable", "role": "desk"})


WATCH = Watch(NOON, NOON, {"0": Partition(7, 2, 1.5, NOON, 1), "1": Partition(9)})


def condition(
    watch: Watch | None = WATCH, here: Conditions | None = None, now: datetime = NOON
) -> Condition:
    async def hub() -> Watch | None:
        return watch

    return Condition(here or Conditions(), hub, lambda: now)


async def scorers_health(told: Condition, serving: Any = None) -> Answer:
    return await health(FakeReader(), serving or FakeServing(), "scorer", None, told)


async def test_health_of_a_scorer_tells_how_far_each_partition_is_read() -> None:
    answer = await scorers_health(condition())
    assert (answer.status, answer.body["status"]) == (200, "ok")
    assert "problems" not in answer.body
    assert answer.body["hub"] == {
        "seen_at": "2026-03-01T12:00:00.000000Z",
        "created_at": "2026-03-01T12:00:00.000000Z",
        "made_anew": None,
        "partitions": {
            "0": {"behind_events": 2, "behind_seconds": 1.5, "standing_since": None, "attempts": 1},
            "1": {"behind_events": 0, "behind_seconds": None, "standing_since": None,
                  "attempts": 0},
        },
    }  # fmt: skip
    assert (answer.body["fuses"], answer.body["failing"]) == ({}, {})


async def test_health_is_degraded_and_200_while_a_partition_stands_still() -> None:
    later = NOON + timedelta(minutes=5)
    stuck = msgspec.structs.replace(WATCH, seen_at=later)
    answer = await scorers_health(condition(stuck, now=later))
    assert (answer.status, answer.body["status"]) == (200, "degraded")
    assert answer.body["problems"] == ["partition 0 stands still"]
    partitions = answer.body["hub"]["partitions"]
    assert partitions["0"]["standing_since"] == "2026-03-01T12:00:00.000000Z"


async def test_health_is_degraded_while_the_fuse_holds_a_partition_back() -> None:
    here = Conditions()
    here.note_fuse("3", NOON, "40 of 40: KeyError")
    answer = await scorers_health(condition(here=here))
    assert (answer.status, answer.body["status"]) == (200, "degraded")
    assert answer.body["problems"] == ["the fuse holds partition 3 back"]
    assert answer.body["fuses"]["3"]["why"] == "40 of 40: KeyError"


async def test_health_is_degraded_from_the_notice_of_a_new_hub_on() -> None:
    anew = msgspec.structs.replace(WATCH, made_anew=Anew(NOON, NOON, "it ends at 3"))
    answer = await scorers_health(condition(anew))
    assert (answer.status, answer.body["status"]) == (200, "degraded")
    assert answer.body["hub"]["made_anew"]["why"] == "it ends at 3"
    assert "made anew" in answer.body["problems"][0]


async def test_health_is_degraded_once_nobody_looks_at_the_hub_any_more() -> None:
    answer = await scorers_health(condition(now=NOON + timedelta(minutes=15)))
    assert answer.body["status"] == "ok"
    answer = await scorers_health(condition(now=NOON + timedelta(minutes=16)))
    assert answer.body["problems"] == ["nobody looks at the hub any more"]


async def test_health_before_the_first_look_at_the_hub_is_ok_and_says_that_there_was_none() -> None:
    answer = await scorers_health(condition(None))
    assert (answer.status, answer.body["status"], answer.body["hub"]) == (200, "ok", None)


async def test_health_is_degraded_where_nobody_has_ever_looked_at_the_hub_for_long() -> None:
    ours = condition(None)
    ours.here.begun = ours.now() - timedelta(hours=1)
    answer = await scorers_health(ours)
    assert answer.body["problems"] == ["nobody looks at the hub"]


async def test_health_tells_what_a_file_was_refused_for_and_no_value_of_it() -> None:
    why = "catalogue line 2: standard_cost is '1717.123456', expected at most 4 decimals"
    refusal = {"table": "catalogue", "what": "reference/catalogue.csv", "why": why, "since": "x"}

    @dataclass
    class Serving(FakeServing):
        def status(self) -> dict[str, Any]:
            return {"refusals": [refusal], "last_refusal": refusal}

    answer = await scorers_health(condition(), Serving())
    assert "1717" not in json.dumps(answer.body)
    told = "catalogue line 2: standard_cost: expected at most 4 decimals"
    assert answer.body["last_refusal"]["why"] == answer.body["refusals"][0]["why"] == told


async def test_health_is_503_while_what_was_seen_of_the_hub_cannot_be_read() -> None:
    async def away() -> Watch | None:
        raise TransientError("read what was seen in state: 503")

    answer = await scorers_health(Condition(Conditions(), away))
    assert (answer.status, answer.body["status"]) == (503, "unavailable")


@pytest.mark.parametrize(
    ("said", "problems"),
    [
        ({"last_refusal": {"what": "reference/catalogue.csv", "why": "no rows", "at": "x"}},
         ["reference/catalogue.csv is refused"]),
        ({"refusals": [{"what": "models/champion.json", "why": "hash", "serves": "v1"}]},
         ["models/champion.json is refused"]),
        ({"refusals": [], "last_refusal": None, "refused_classifier": "made by 1.7"},
         ["the classifier of the model that serves is refused"]),
        ({"degraded": True}, []),  # a model that has none yet is as it should be
        ({"refusals": [{"what": "a"}, {"what": "b"}], "last_refusal": {"what": "a"}},
         ["a is refused", "b is refused"]),
        ({"challenger_refusal": "hash"}, []),
    ],
)  # fmt: skip
async def test_health_is_degraded_where_what_should_serve_is_refused(
    said: dict[str, Any], problems: list[str]
) -> None:
    @dataclass
    class Serving(FakeServing):
        def status(self) -> dict[str, Any]:
            return {"bundle_version": "v1"} | said

    answer = await scorers_health(condition(), Serving())
    assert answer.status == 200
    assert answer.body.get("problems", []) == problems
    assert answer.body["status"] == ("degraded" if problems else "ok")
    assert said.items() <= answer.body.items()  # as the shelf says it


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


async def test_health_of_a_part_without_a_model_asks_for_none() -> None:
    answer = await health(FakeReader(), None, "desk")
    assert answer.status == 200
    assert answer.body.keys() == {"status", "role", "latest_alert_at"}


async def test_health_names_the_release_even_while_it_is_not_well() -> None:
    release = {"version": "20261124.3", "commit": "c" * 40}
    for failure, status in ((None, 200), (TransientError("away"), 503)):
        answer = await health(FakeReader(failure=failure), FakeServing(), "desk", release)
        assert (answer.status, answer.body["release"]) == (status, release)
