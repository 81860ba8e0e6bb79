"""The nightly training is started by its timer, and answers even where it is cut short."""

import asyncio
from types import SimpleNamespace

import azure.functions as func
import pytest

from functions import retrain_nightly, wiring
from functions.training_process import RetrainError


@pytest.mark.parametrize("cut", [asyncio.CancelledError(), SystemExit(1)])
async def test_a_training_that_is_cut_short_is_answered_as_a_failure(
    monkeypatch: pytest.MonkeyPatch, cut: BaseException
) -> None:
    async def start() -> None:
        raise cut

    monkeypatch.setattr(wiring, "retraining", lambda: SimpleNamespace(start=start, follow=start))
    with pytest.raises(RetrainError, match="cut short"):
        await retrain_nightly.retrain_nightly(func.TimerRequest())
    with pytest.raises(RetrainError, match="cut short"):
        await retrain_nightly.follow_training(func.TimerRequest())
