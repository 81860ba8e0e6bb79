"""The local host runs a function app on the real emulators as the service would."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient

from infra.local import processes, services
from tests.patience import PATIENCE

SAMPLE = Path(__file__).parent / "sample_app"


class Sample:
    """The sample app on one or more hosts, with an Event Hubs emulator of its own."""

    def __init__(self, folder: Path, blobs: str, name: str) -> None:
        self.folder, self.hub = folder, name
        self.log = folder / "seen.jsonl"
        self.log.touch()
        self.hosts: list[processes.Child] = []
        self.emulator = processes.start(
            "eventhubs",
            [sys.executable, "-m", "infra.local.eventhubs", f"{name}:4:singles", "--port", "0"],
            folder / "eventhubs.log",
        )
        self.connection = services.event_hub_connection(self.emulator.port)
        self.settings = {
            "AzureWebJobsStorage": blobs,
            "EventHubConnection": self.connection,
            "SAMPLE_HUB": name,
            "SAMPLE_LOG": str(self.log),
            "SAMPLE_SCHEDULE": "0 0 0 1 1 *",
            "AzureWebJobs.single.Disabled": "true",
            "AzureFunctionsWebHost__hostid": name,
        }

    def start(self, **settings: str) -> processes.Child:
        service = services.host(0, SAMPLE, {**self.settings, **settings})
        host = processes.start("host", service.command, self.folder / "host.log", service.environ)
        self.hosts.append(host)
        return host

    def close(self) -> None:
        for child in (*self.hosts, self.emulator):
            processes.kill(child)

    async def send(self, *bodies: str, partition: int = 0, **properties: str) -> None:
        producer = EventHubProducerClient.from_connection_string(
            self.connection, eventhub_name=self.hub
        )
        async with producer:
            batch = await producer.create_batch(partition_id=str(partition))
            for body in bodies:
                event = EventData(body)
                event.properties = properties
                batch.add(event)
            await producer.send_batch(batch)

    def seen(self, function: str = "batch", **fields: Any) -> list[dict[str, Any]]:
        """What the app noted so far, restricted to notes with these fields."""
        notes = [json.loads(line) for line in self.log.read_text().splitlines()]
        wanted = {"function": function, **fields}
        return [note for note in notes if wanted.items() <= note.items()]

    async def until(self, happened: Callable[[], object]) -> None:
        """Wait until the app's notes, written by other processes, show what was waited for."""
        deadline = time.monotonic() + PATIENCE
        while not happened():
            assert time.monotonic() < deadline, (self.folder / "host.log").read_text()[-3000:]
            await asyncio.sleep(0.05)

    def ended(self, body: str) -> int:
        return sum(note["bodies"].count(body) for note in self.seen(step="end"))


@pytest.fixture
def sample(tmp_path: Path, azurite: str, unique_name: str) -> Iterator[Sample]:
    made = Sample(tmp_path, azurite, unique_name)
    yield made
    made.close()


async def test_the_ready_line_lists_the_functions_and_the_port(sample: Sample) -> None:
    host = sample.start()
    ready = next(line for line in host.log.read_text().splitlines() if line.startswith("host on"))
    assert ready == (
        f"host on http://127.0.0.1:{host.port}: "
        "batch (eventHubTrigger), single (eventHubTrigger), tick (timerTrigger), "
        "orders (httpTrigger)"
    )


async def test_events_come_in_batches_of_one_partition_with_their_metadata(sample: Sample) -> None:
    sample.start()
    await sample.send(*(f"e{n}" for n in range(25)), partition=2, source="test")
    await sample.until(lambda: sample.ended("e24"))
    notes = sample.seen(step="end")
    assert [body for note in notes for body in note["bodies"]] == [f"e{n}" for n in range(25)]
    assert [n for note in notes for n in note["sequences"]] == list(range(25))
    assert {len(note["bodies"]) for note in notes} <= set(range(1, 11))  # host.json says ten
    assert {note["partition"] for note in notes} == {"2"}
    assert notes[0]["properties"][0] == {"source": "test"}
    assert notes[0]["aware"] is False  # as on the service: UTC without saying so


async def test_enqueued_times_have_a_zone_when_asked_for(sample: Sample) -> None:
    sample.start(LOCAL_HOST_ZONED_TIMES="true")
    await sample.send("e")
    await sample.until(lambda: sample.ended("e"))
    assert sample.seen(step="end")[0]["aware"] is True


async def test_a_host_json_setting_can_be_overridden_by_the_environment(sample: Sample) -> None:
    sample.start(AzureFunctionsJobHost__extensions__eventHubs__maxEventBatchSize="1")
    await sample.send("a", "b", "c")
    await sample.until(lambda: sample.ended("c"))
    assert [note["bodies"] for note in sample.seen(step="end")] == [["a"], ["b"], ["c"]]


async def test_a_function_of_cardinality_one_gets_events_one_by_one(sample: Sample) -> None:
    sample.start(**{"AzureWebJobs.single.Disabled": "false"})
    await sample.send("a", "b", "c")
    await sample.until(lambda: len(sample.seen("single")) == 3)
    assert [note["body"] for note in sample.seen("single")] == ["a", "b", "c"]


async def test_a_failed_batch_is_tried_again_whole_and_in_place(sample: Sample) -> None:
    sample.start()
    await sample.send("fail:2", "other")
    await sample.until(lambda: sample.ended("other"))
    await sample.send("next")
    await sample.until(lambda: sample.ended("next"))
    tries = [(note["bodies"], note["attempt"]) for note in sample.seen(step="start")]
    assert tries == [(["fail:2", "other"], n) for n in range(3)] + [(["next"], 0)]


async def test_a_batch_that_used_up_its_retries_is_passed_over_for_good(sample: Sample) -> None:
    host = sample.start()
    await sample.send("fail:99")
    await sample.send("next")
    await sample.until(lambda: sample.ended("next"))
    attempts = [n["attempt"] for n in sample.seen(step="start") if "fail:99" in n["bodies"]]
    assert attempts == [0, 1, 2, 3]
    processes.stop(host, grace=PATIENCE)
    sample.start()
    await sample.send("last")
    await sample.until(lambda: sample.ended("last"))
    assert len([n for n in sample.seen(step="start") if "fail:99" in n["bodies"]]) == 4


async def test_a_host_killed_in_a_batch_gets_the_batch_again(sample: Sample) -> None:
    host = sample.start()
    await sample.send("done")
    await sample.until(lambda: sample.ended("done"))
    await sample.send("slow:60")
    await sample.until(lambda: any("slow:60" in n["bodies"] for n in sample.seen(step="start")))
    processes.kill(host)
    sample.start()
    await sample.until(
        lambda: len([n for n in sample.seen(step="start") if "slow:60" in n["bodies"]]) == 2
    )
    assert sample.ended("done") == 1


async def test_a_graceful_stop_ends_its_batch_which_comes_once_more(sample: Sample) -> None:
    host = sample.start()
    await sample.send("slow:2")
    await sample.until(lambda: sample.seen(step="start"))
    await asyncio.to_thread(processes.stop, host, PATIENCE)
    assert sample.ended("slow:2") == 1
    sample.start()
    await sample.send("last")
    await sample.until(lambda: sample.ended("last"))
    begun = [body for note in sample.seen(step="start") for body in note["bodies"]]
    assert begun == ["slow:2", "slow:2", "last"]  # no checkpoint follows a stop


async def test_two_hosts_share_the_partitions_and_the_survivor_takes_them_over(
    sample: Sample,
) -> None:
    first, second = sample.start(), sample.start()

    def owners() -> dict[str, int]:
        return {note["partition"]: note["pid"] for note in sample.seen(step="end")}

    async def send_until(wanted: Callable[[list[int]], bool]) -> None:
        for n in itertools.count():
            for partition in range(4):
                await sample.send(f"{n}.{partition}", partition=partition)
            await asyncio.sleep(0.5)
            if len(owners()) == 4 and wanted(sorted(owners().values())):
                return

    await send_until(lambda pids: pids == sorted([first.pid, second.pid] * 2))
    processes.kill(second)
    await send_until(lambda pids: set(pids) == {first.pid})
    assert processes.find(second) is None


async def test_a_host_that_lost_a_partition_goes_on_trying_beside_the_new_owner(
    sample: Sample,
) -> None:
    first = sample.start(SAMPLE_RETRIES="-1")
    for partition in range(4):
        await sample.send(f"wait:go-{partition}", partition=partition)
    await sample.until(lambda: len(shared(sample, first.pid)) == 4)
    second = sample.start(SAMPLE_RETRIES="-1")
    await sample.until(lambda: shared(sample, first.pid, second.pid))
    partition = min(shared(sample, first.pid, second.pid))

    def tries(pid: int, step: str = "start") -> int:
        return len(sample.seen(step=step, pid=pid, partition=partition))

    before = tries(first.pid), tries(second.pid)
    await sample.until(
        lambda: tries(first.pid) > before[0] + 3 and tries(second.pid) > before[1] + 3
    )
    for number in range(4):
        sample.log.with_name(f"go-{number}").touch()
    await sample.until(lambda: tries(first.pid, "end") and tries(second.pid, "end"))
    for host in (first, second):
        await asyncio.to_thread(processes.stop, host, 20)
    sample.start()
    await sample.send("last", partition=int(partition))
    await sample.until(lambda: sample.ended("last"))  # after what came once more before it
    assert tries(first.pid) > before[0] + 3
    assert tries(second.pid) > before[1] + 3


def shared(sample: Sample, *pids: int) -> set[str]:
    """The partitions that each of these processes has worked on."""
    worked = [{note["partition"] for note in sample.seen(step="start", pid=pid)} for pid in pids]
    return set.intersection(*worked)


async def call(host: processes.Child, path: str, **options: Any) -> tuple[int, str]:
    def request() -> tuple[int, str]:
        url = f"http://127.0.0.1:{host.port}{path}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, **options)) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    return await asyncio.to_thread(request)


async def test_http_functions_answer_on_their_routes(sample: Sample) -> None:
    host = sample.start()
    status, text = await call(host, "/v1/orders/7?by=rep", data=b"hello")
    assert (status, json.loads(text)) == (201, {"id": "7", "body": "hello", "q": {"by": "rep"}})
    assert (await call(host, "/v1/orders"))[0] == 201  # the parameter is optional
    assert (await call(host, "/v1/orders/seven"))[0] == 404  # and an integer
    assert (await call(host, "/v1/orders", method="DELETE"))[0] == 405
    assert await call(host, "/v1/orders?fail=1") == (500, "")
    assert (await call(host, "/admin/host/status"))[0] == 200
    listed = json.loads((await call(host, "/admin/functions"))[1])
    assert {"name": "tick"} in listed


async def test_a_timer_is_fired_by_hand_through_the_admin_route(sample: Sample) -> None:
    host = sample.start()
    assert (await call(host, "/admin/functions/tick", method="POST", data=b"{}"))[0] == 202
    await sample.until(lambda: sample.seen("tick"))
    assert sample.seen("tick")[0]["past_due"] is False
    assert (await call(host, "/admin/functions/none", method="POST", data=b"{}"))[0] == 404


async def test_two_hosts_fire_a_timer_once(sample: Sample) -> None:
    for _ in range(2):
        sample.start(SAMPLE_SCHEDULE="* * * * * *")
    await sample.until(lambda: len(sample.seen("tick")) >= 4)
    assert len({note["pid"] for note in sample.seen("tick")}) == 1
    last = [note["last"] for note in sample.seen("tick")]
    assert len(set(last)) == len(last)


async def test_a_firing_missed_while_no_host_ran_is_made_up_for(sample: Sample) -> None:
    host = sample.start(SAMPLE_SCHEDULE="*/2 * * * * *")
    await sample.until(lambda: sample.seen("tick"))
    await asyncio.to_thread(processes.stop, host, PATIENCE)
    before = len(sample.seen("tick"))
    await asyncio.sleep(2.5)  # the schedule itself: no host is there to miss it
    sample.start(SAMPLE_SCHEDULE="*/2 * * * * *")
    await sample.until(lambda: len(sample.seen("tick")) > before)
    assert sample.seen("tick")[before]["past_due"] is True


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "host.json").write_text('{"version": "2.0"}')
    (folder / "function_app.py").write_text(
        "import azure.functions as func\n"
        "app = func.FunctionApp()\n"
        "@app.route('hello')\n"
        "def hello(req: func.HttpRequest) -> str: return 'hello'\n"
    )
    return folder


def fail(app: Path, port: int = 0, **settings: str) -> str:
    """Run a host that cannot start; its one line."""
    ended = subprocess.run(
        [sys.executable, "-m", "infra.local.host", str(app), "--port", str(port)],
        env={**os.environ, "PYTHONPATH": str(services.ROOT), **settings},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    [line] = ended.stderr.splitlines()
    return line


def test_a_folder_without_an_app_is_refused(tmp_path: Path) -> None:
    assert "host.json is missing" in fail(tmp_path)


@pytest.mark.parametrize(
    ("host_json", "complaint"),
    [
        ("{", "host.json: "),
        ('{"version": "2.0", "extensions": {"eventHubs": {"prefetchCount": 0}}}', "prefetchCount"),
        (
            '{"version": "2.0", "extensions": {"eventHubs": {"maxWaitTime": "soon"}}}',
            "'soon' is not a time span",
        ),
    ],
)
def test_a_bad_host_json_is_refused(app: Path, host_json: str, complaint: str) -> None:
    (app / "host.json").write_text(host_json)
    assert complaint in fail(app)


def test_an_app_that_cannot_be_imported_is_refused(app: Path) -> None:
    (app / "function_app.py").write_text("import missing_thing\n")
    assert "No module named 'missing_thing'" in fail(app)


def test_a_missing_storage_setting_is_named(app: Path) -> None:
    assert "app setting AzureWebJobsStorage is missing" in fail(app)


@pytest.mark.parametrize("missing", ["SAMPLE_HUB", "EventHubConnection", "SAMPLE_SCHEDULE"])
def test_a_missing_setting_of_a_trigger_is_named(azurite: str, missing: str) -> None:
    settings = {
        "AzureWebJobsStorage": azurite,
        "SAMPLE_HUB": "orders",
        "EventHubConnection": services.event_hub_connection(1),
        "SAMPLE_SCHEDULE": "0 0 0 1 1 *",
        missing: "",
    }
    assert f"app setting {missing} is missing" in fail(SAMPLE, **settings)


def test_a_bad_schedule_is_refused(azurite: str) -> None:
    settings = {"SAMPLE_HUB": "orders", "EventHubConnection": services.event_hub_connection(1)}
    line = fail(SAMPLE, AzureWebJobsStorage=azurite, SAMPLE_SCHEDULE="0 61 * * * *", **settings)
    assert "'61' is no minute" in line


def test_a_taken_port_is_refused(app: Path, azurite: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} is taken" in fail(app, port, AzureWebJobsStorage=azurite)


def test_local_settings_are_read_and_the_environment_wins(app: Path, azurite: str) -> None:
    values = {"AzureWebJobsStorage": "nonsense"}
    (app / "local.settings.json").write_text(json.dumps({"Values": values}))
    assert "app setting AzureWebJobsStorage: " in fail(app)
    with socket.create_server(("127.0.0.1", 0)) as taken:  # past the storage, the port stops it
        assert "is taken" in fail(app, taken.getsockname()[1], AzureWebJobsStorage=azurite)
