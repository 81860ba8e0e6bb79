"""host.json, the settings laid over it, and time spans are read as the service reads them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.host.config import (
    EventHubOptions,
    Seconds,
    add_local_settings,
    expand,
    read_host_json,
)
from infra.local.host.errors import HostError


def write(folder: Path, content: object, name: str = "host.json") -> None:
    (folder / name).write_text(json.dumps(content))


def test_an_empty_host_json_has_the_service_s_defaults(tmp_path: Path) -> None:
    write(tmp_path, {"version": "2.0", "logging": {"logLevel": {"default": "Information"}}})
    extensions = read_host_json(tmp_path, {}).extensions
    assert extensions.event_hubs == EventHubOptions()
    assert extensions.event_hubs.prefetch_count == 300
    assert extensions.http.route_prefix == "api"


def test_what_concerns_the_service_alone_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, {"version": "2.0", "telemetryMode": "OpenTelemetry", "extensions": {"x": 1}})
    assert read_host_json(tmp_path, {}).extensions.event_hubs == EventHubOptions()


def test_settings_of_the_job_host_win(tmp_path: Path) -> None:
    write(tmp_path, {"version": "2.0", "extensions": {"eventHubs": {"prefetchCount": 7}}})
    overrides = {
        "AzureFunctionsJobHost__extensions__eventHubs__prefetchCount": "9",
        "AzureFunctionsJobHost__extensions__eventHubs__maxWaitTime": "00:00:00.500",
        "AzureFunctionsJobHost__extensions__http__routePrefix": "",
    }
    extensions = read_host_json(tmp_path, overrides).extensions
    assert (extensions.event_hubs.prefetch_count, extensions.event_hubs.max_wait_time) == (9, 0.5)
    assert extensions.http.route_prefix == ""


@pytest.mark.parametrize("content", [[], 3, {}, {"version": "2.0", "extensions": 3}])
def test_what_is_no_host_json_is_an_error_of_one_line(tmp_path: Path, content: object) -> None:
    write(tmp_path, content)
    with pytest.raises(HostError) as error:
        read_host_json(tmp_path, {"AzureFunctionsJobHost__extensions__http__routePrefix": "x"})
    assert "\n" not in str(error.value)


@given(st.integers(0, 99), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_time_spans_add_up(days: int, hours: int, minutes: int, seconds: int) -> None:
    text = f"{days}.{hours:02}:{minutes:02}:{seconds:02}.250"
    assert Seconds.parse(text) == days * 86400 + hours * 3600 + minutes * 60 + seconds + 0.25


@pytest.mark.parametrize("text", ["", "5", "00:01", "1:2:3", "00:00:00:00", "-00:00:01"])
def test_other_texts_are_no_time_spans(text: str) -> None:
    with pytest.raises(ValueError, match="not a time span"):
        Seconds.parse(text)


def test_settings_in_the_environment_win_over_local_ones(tmp_path: Path) -> None:
    write(tmp_path, {"Values": {"A": "file", "B": True}}, "local.settings.json")
    settings = {"A": "environment"}
    add_local_settings(tmp_path, settings)
    assert settings == {"A": "environment", "B": "true"}


def test_names_between_percent_signs_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB", "orders")
    assert expand("%HUB%-eu", "score") == "orders-eu"
    with pytest.raises(HostError, match=r"app setting NONE is missing \(score\)"):
        expand("%NONE%", "score")
