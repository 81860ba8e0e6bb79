"""The timer trigger: train a new model by night."""

import asyncio

import azure.functions as func

from functions import wiring
from functions.retraining import RetrainError

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("retrain_nightly")
@blueprint.timer_trigger(
    arg_name="timer", schedule="%RETRAIN_SCHEDULE%", use_monitor=True, run_on_startup=False
)
async def retrain_nightly(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's
    """Train; what is raised is the host's to report, and leaves the champion serving."""
    try:
        await wiring.retraining().start()
    except (asyncio.CancelledError, SystemExit) as error:
        # The runtime answers only to ordinary exceptions: these would leave the timer hanging.
        raise RetrainError(f"the nightly training was cut short: {error!r}") from error
