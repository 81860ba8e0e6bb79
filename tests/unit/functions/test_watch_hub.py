"""The timer that looks at the hub answers even where it is cut short."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import azure.functions as func
import pytest

from functions import watch_hub, wiring
from shared.errors import TransientError


@pytest.mark.parametrize("cut", [asyncio.CancelledError(), SystemExit(1)])
async def test_a_look_that_is_cut_short_is_answered_as_a_failure(
    monkeypatch: pytest.MonkeyPatch, cut: BaseException
) -> None:
    async def look() -> None:
        raise cut

    monkeypatch.setattr(wiring, "watcher", lambda: SimpleNamespace(look=look))
    with pytest.raises(TransientError, match="cut short"):
        await watch_hub.watch_hub(func.TimerRequest())
