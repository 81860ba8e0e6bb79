"""What the async clients measure."""

import pytest

from shared.stores.aio.measures import NOWHERE, timed


class FakeMeasures:
    def __init__(self) -> None:
        self.calls: list[tuple[str, float]] = []

    def took(self, container: str, milliseconds: float) -> None:
        self.calls.append((container, milliseconds))

    def charged(self, container: str, request_units: float) -> None:
        raise AssertionError("a time is not a charge")


def test_a_call_is_measured_in_milliseconds_however_it_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measures, clock = FakeMeasures(), iter([10.0, 10.25, 20.0, 20.5])
    with monkeypatch.context() as patch:
        patch.setattr("time.perf_counter", clock.__next__)
        with timed(measures, "alerts"):
            pass
        with pytest.raises(OSError, match="reset"), timed(measures, "state"):
            raise OSError("reset")
    assert measures.calls == [("alerts", 250), ("state", 500)]


def test_a_command_measures_nothing_and_does_not_fail() -> None:
    done = []
    with timed(NOWHERE, "alerts"):
        NOWHERE.charged("alerts", 1.0)
        done.append("alerts")
    assert done == ["alerts"]
