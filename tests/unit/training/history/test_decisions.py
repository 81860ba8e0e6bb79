"""Files of decisions: the latest one counts, nothing from later, and one clear error."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from shared.decision import Decision
from shared.errors import ConfigurationError
from shared.typologies import ADDED_ITEM, HIDDEN_DISCOUNT
from tests.orders import an_order
from training.history.decisions import added_item_truth, key_of, latest, read_decisions, settled


def decision(
    verdict: str, day: int, typology: str | None = "added_item", order_id: str = "o-1"
) -> Decision:
    return msgspec.convert(
        {
            "order_id": order_id,
            "rep_id": "A",
            "decision": verdict,
            "decided_by": "analyst",
            "decided_at": f"2026-03-{day:02d}T12:00:00Z",
            "typology": typology,
        },
        Decision,
    )


LATER = datetime(2026, 4, 1, tzinfo=UTC)


def test_a_file_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    lines = [decision("confirmed", 1), decision("dismissed", 2, None)]
    path.write_bytes(b"\n\n".join(map(msgspec.json.encode, lines)) + b"\n")
    assert list(read_decisions(path)) == lines
    path.write_bytes(b"")
    assert read_decisions(path) == ()


def test_bad_lines_are_one_error_that_names_the_first(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    good = msgspec.json.encode(decision("confirmed", 1))
    path.write_bytes(b"\n".join([good, good.replace(b"confirmed", b"perhaps"), b"{", b"7"]))
    with pytest.raises(ConfigurationError, match=r"line 2: decision: .*\(and 2 more bad lines\)"):
        read_decisions(path)


def test_the_latest_decision_on_a_finding_counts_whatever_the_file_order() -> None:
    found = latest([decision("dismissed", 5), decision("confirmed", 3)], LATER)
    assert found[("o-1", "A", 0)][ADDED_ITEM].decision == "dismissed"


def test_a_decision_made_later_does_not_count() -> None:
    decisions = [decision("confirmed", 3), decision("dismissed", 5)]
    found = latest(decisions, datetime(2026, 3, 4, tzinfo=UTC))
    assert found[("o-1", "A", 0)][ADDED_ITEM].decision == "confirmed"
    assert latest(decisions, datetime(2026, 3, 3, 12, tzinfo=UTC)) == found  # not after: counts
    assert latest(decisions, datetime(2026, 3, 1, tzinfo=UTC)) == {}


@pytest.mark.parametrize(
    ("decided", "likelier", "says"),
    [
        ({ADDED_ITEM: "confirmed"}, HIDDEN_DISCOUNT, "confirmed"),
        ({HIDDEN_DISCOUNT: "dismissed"}, ADDED_ITEM, None),
        ({"": "dismissed"}, HIDDEN_DISCOUNT, "dismissed"),
        ({"": "confirmed"}, ADDED_ITEM, "confirmed"),
        ({"": "confirmed"}, HIDDEN_DISCOUNT, None),
        ({"": "confirmed", ADDED_ITEM: "dismissed"}, ADDED_ITEM, "dismissed"),
        ({}, ADDED_ITEM, None),
    ],
)
def test_a_decision_says_only_what_it_is_about(
    decided: dict[str, str], likelier: str, says: str | None
) -> None:
    given = {typology: decision(verdict, 1) for typology, verdict in decided.items()}
    found = added_item_truth(given, likelier)
    assert (None if found is None else found.decision) == says


def test_a_decision_counts_once_it_is_made_about_an_order_old_enough() -> None:
    cut = datetime(2026, 3, 20, 12, tzinfo=UTC)
    orders = [
        an_order(order_id="old", rep_id="A", ordered_at="2026-03-13T12:00:00Z"),
        an_order(order_id="young", rep_id="A", ordered_at="2026-03-13T12:00:00.000001Z"),
        an_order(order_id="unheard-of", rep_id="B", ordered_at="2026-03-01T12:00:00Z"),
    ]
    made = [
        decision("confirmed", 20, order_id="old"),
        decision("confirmed", 21, order_id="old"),
        decision("dismissed", 20, order_id="young"),
        decision("dismissed", 20, order_id="unheard-of"),
    ]
    assert settled(made, orders, cut, timedelta(days=7)) == (made[0],)
    assert settled(made, orders, cut, timedelta(0)) == (made[0], made[2])
    assert settled([], orders, cut, timedelta(0)) == ()


def test_a_decision_is_about_one_reps_order_and_not_about_anothers_of_the_same_id() -> None:
    found = latest([decision("confirmed", 1)], LATER)
    other = an_order(order_id="o-1", rep_id="B")
    assert key_of(an_order(order_id="o-1", rep_id="A")) in found
    assert key_of(other) not in found
    assert settled([decision("confirmed", 1)], [other], LATER, timedelta(0)) == ()
