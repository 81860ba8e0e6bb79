"""A small app for the host's tests: it writes what it sees to the file that SAMPLE_LOG names.

One JSON object a line. A body tells what is to happen: `fail:2` fails the first two attempts,
`fail:99` more often than the policy allows, `slow:3` takes three seconds, `wait:go` fails until
there is a file `go` beside the log. SAMPLE_RETRIES says how often a batch is tried again (-1: for
ever).
"""

import asyncio
import json
import os
import typing
from pathlib import Path

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


def note(**seen: object) -> None:
    """Append one line; a single write below the pipe size is whole, whoever else appends."""
    with Path(os.environ["SAMPLE_LOG"]).open("a", encoding="utf-8") as log:
        log.write(json.dumps({"pid": os.getpid(), **seen}) + "\n")


@app.event_hub_message_trigger(
    arg_name="events",
    event_hub_name="%SAMPLE_HUB%",
    connection="EventHubConnection",
    cardinality="many",
    data_type="binary",
)
@app.retry(
    strategy="fixed_delay",
    max_retry_count=os.environ.get("SAMPLE_RETRIES", "3"),
    delay_interval="00:00:00.100",
)
async def batch(
    events: typing.List[func.EventHubEvent],  # noqa: UP006 - the worker's indexer refuses `list[...]`
    context: func.Context,
) -> None:
    metadata = events[0].metadata
    seen = {
        "function": "batch",
        "partition": metadata["PartitionContext"]["PartitionId"],
        "bodies": [event.get_body().decode() for event in events],
        "keys": [event.partition_key for event in events],
        "sequences": [event.sequence_number for event in events],
        "aware": events[0].enqueued_time.tzinfo is not None,
        "properties": metadata["PropertiesArray"],
        "attempt": context.retry_context.retry_count,
    }
    note(step="start", **seen)
    for body in seen["bodies"]:
        action, _, number = body.partition(":")
        if action == "slow":
            await asyncio.sleep(float(number))
        if action == "fail" and context.retry_context.retry_count < int(number):
            raise RuntimeError(body)
        if action == "wait" and not Path(os.environ["SAMPLE_LOG"]).with_name(number).exists():
            raise RuntimeError(body)
    note(step="end", **seen)


@app.event_hub_message_trigger(
    arg_name="event",
    event_hub_name="%SAMPLE_HUB%",
    connection="EventHubConnection",
    consumer_group="singles",
    cardinality="one",
)
def single(event: func.EventHubEvent) -> None:
    note(function="single", body=event.get_body().decode(), sequence=event.sequence_number)


@app.timer_trigger(arg_name="timer", schedule="%SAMPLE_SCHEDULE%")
def tick(timer: func.TimerRequest) -> None:
    note(function="tick", past_due=timer.past_due, last=timer.schedule_status["Last"])


@app.route(route="orders/{id:int?}", methods=["GET", "POST"])
async def orders(req: func.HttpRequest) -> func.HttpResponse:
    if req.params.get("fail"):
        raise RuntimeError("asked to fail")
    answer = {
        "id": req.route_params.get("id"),
        "body": req.get_body().decode(),
        "q": dict(req.params),
    }
    return func.HttpResponse(
        json.dumps(answer),
        status_code=201,
        mimetype="application/json",
        headers={"X-Sample": "yes"},
    )
