"""The timer triggers that train a new model by night, and follow a training that is a job."""

import asyncio
import os

import azure.functions as func

from functions import wiring
from functions.training_process import RetrainError

EVERY_TEN_MINUTES = "0 */10 * * * *"

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("retrain_nightly")
@blueprint.timer_trigger(
    arg_name="timer", schedule="%RETRAIN_SCHEDULE%", use_monitor=True, run_on_startup=False
)
async def retrain_nightly(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's
    """Train. The host reports what is raised, and the champion serves on."""
    try:
        await wiring.retraining().start()
    except (asyncio.CancelledError, SystemExit) as error:
        # The runtime answers only to ordinary exceptions: these would leave the timer hanging.
        raise RetrainError(f"the nightly training was cut short: {error!r}") from error


@blueprint.function_name("follow_training")
@blueprint.timer_trigger(
    arg_name="timer",
    # Not %RETRAIN_FOLLOW_SCHEDULE%: a setting that a binding names has no default.
    schedule=os.environ.get("RETRAIN_FOLLOW_SCHEDULE", "").strip() or EVERY_TEN_MINUTES,
    use_monitor=False,
    run_on_startup=False,
)
async def follow_training(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's
    """Look at the jobs of the last nights; do nothing where there are no jobs."""
    try:
        await wiring.retraining().follow()
    except (asyncio.CancelledError, SystemExit) as error:
        raise RetrainError(f"the look at the training was cut short: {error!r}") from error
