"""The timer trigger that looks at the hub from outside the Event Hub trigger.

In Azure this runs on an instance of its own, so it goes on when scoring does not.
"""

import asyncio
import os

import azure.functions as func

from functions import wiring
from shared.errors import TransientError

EVERY_MINUTE = "0 * * * * *"

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("watch_hub")
@blueprint.timer_trigger(
    arg_name="timer",
    # Not %WATCH_SCHEDULE%: a setting that a binding names has no default.
    schedule=os.environ.get("WATCH_SCHEDULE", "").strip() or EVERY_MINUTE,
    use_monitor=False,  # a look that was missed is not made up for
    run_on_startup=False,
)
async def watch_hub(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding's
    """Look once. The host reports what is raised, and the next look is soon."""
    try:
        await wiring.watcher().look()
    except (asyncio.CancelledError, SystemExit) as error:
        # The runtime answers only to ordinary exceptions: these would leave the timer hanging.
        raise TransientError(f"the look at the hub was cut short: {error!r}") from error
