"""The HTTP answers, whatever carries them."""

from dataclasses import dataclass, field
from typing import Any

from functions.alert_query import AlertQuery
from functions.answers import Answer, guarded, health, list_alerts
from shared.errors import ConfigurationError, SheriffError, TransientError


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


async def test_health_of_a_part_without_a_model_asks_for_none() -> None:
    answer = await health(FakeReader(), None, "desk")
    assert answer.status == 200
    assert answer.body.keys() == {"status", "role", "latest_alert_at"}


async def test_health_names_the_release_even_while_it_is_not_well() -> None:
    release = {"version": "20261124.3", "commit": "c" * 40}
    for failure, status in ((None, 200), (TransientError("away"), 503)):
        answer = await health(FakeReader(failure=failure), FakeServing(), "desk", release)
        assert (answer.status, answer.body["release"]) == (status, release)
