"""One id leads from an order to its alert, whoever gave it."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.handlers import score_batch
from functions.trace_context import parsed, trace_id, traceparent_of
from shared.stream_key import StreamKey
from tests import schemas
from tests.unit.functions.world import KEY, World, event

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SENT = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize("name", ["traceparent", "Diagnostic-Id"])
def test_the_context_of_a_producer_is_found_under_its_usual_names(name: str) -> None:
    assert traceparent_of({"source": "till", name: SENT}) == SENT
    assert parsed(SENT) == (TRACE, SPAN)


def test_the_standard_name_wins() -> None:
    other = f"00-{'1' * 32}-{SPAN}-01"
    assert traceparent_of({"Diagnostic-Id": other, "traceparent": SENT}) == SENT


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "Annie Corns",
        7,
        None,
        SENT.upper(),
        f"{SENT}\n",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
    ],
)
def test_a_malformed_context_is_none(sent: Any) -> None:
    assert traceparent_of({"traceparent": sent}) is None


@given(st.none() | st.text() | st.lists(st.integers()) | st.dictionaries(st.text(), st.text()))
def test_properties_of_any_shape_do_no_harm(properties: Any) -> None:
    assert traceparent_of(properties) is None


def test_without_a_producers_context_the_id_follows_from_the_place_in_the_hub() -> None:
    ours = trace_id(KEY, event(7))
    assert len(ours) == 32
    assert int(ours, 16)
    assert ours == trace_id(KEY, event(7, customer_id="another"))
    assert ours == trace_id(replace(KEY, consumer_group="another"), event(7))
    others = [
        trace_id(KEY, event(8)),
        trace_id(StreamKey("other", "$Default", "0"), event(7)),
        trace_id(StreamKey("orders", "$Default", "1"), event(7)),
    ]
    assert len({ours, *others}) == 4


async def test_an_alert_names_the_trace_and_a_replay_names_the_same() -> None:
    stream = [
        replace(event(1), traceparent=SENT),
        event(2),
    ]
    first, again = World(), World()
    await score_batch(first.context(), KEY, stream)
    for one in stream:
        await score_batch(again.context(), KEY, [one])
    assert first.alerts_by_id == again.alerts_by_id
    ids = {name: alert["event"]["trace_id"] for name, alert in first.alerts_by_id.items()}
    assert ids == {"o-1.0": TRACE, "o-2.0": trace_id(KEY, event(2))}
    for alert in first.alerts_by_id.values():
        assert schemas.violations("alert", json.loads(json.dumps(alert))) == []
