"""The stack starts, reports, restarts and stops its children, and keeps their data together."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from azure.cosmos import ContainerProxy, CosmosClient
from azure.eventhub import EventData, EventHubProducerClient
from azure.storage.blob import ContainerClient

from infra.local import processes, resources, services
from infra.local.processes import StackError
from infra.local.stack import DEFAULT_PORTS, SERVERS, Stack
from infra.local.stack.__main__ import main
from tests.stack import FREE_PORTS

SAMPLE = Path(__file__).parent / "sample_app"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack"), FREE_PORTS, app=None) as made:
        yield made


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    made = Stack(tmp_path / "state", FREE_PORTS, app=None)
    yield made
    made.down()


def pids(stack: Stack) -> dict[str, int | None]:
    return {part.name: part.pid for part in stack.status()}


def alerts(stack: Stack) -> ContainerProxy:
    settings = stack.settings()
    client = CosmosClient(settings["COSMOS_ENDPOINT"], settings["COSMOS_KEY"])
    database = client.get_database_client(settings["COSMOS_DATABASE"])
    return database.get_container_client("alerts")


def dead_letters(stack: Stack) -> ContainerClient:
    connection = stack.settings()["BLOB_CONNECTION"]
    return ContainerClient.from_connection_string(connection, "dead-letters")


def producer(stack: Stack) -> EventHubProducerClient:
    settings = stack.settings()
    return EventHubProducerClient.from_connection_string(
        settings["EventHubConnection"], eventhub_name=settings["ORDERS_HUB"]
    )


def test_up_twice_leaves_the_children_alone(running: Stack) -> None:
    first = pids(running)
    assert all(first.values())
    running.up()
    assert pids(running) == first


def test_up_makes_every_container_the_app_expects(running: Stack) -> None:
    settings = running.settings()
    for name in resources.BLOB_CONTAINERS:
        with ContainerClient.from_connection_string(settings["BLOB_CONNECTION"], name) as container:
            assert container.exists()
    with CosmosClient(settings["COSMOS_ENDPOINT"], settings["COSMOS_KEY"]) as client:
        database = client.get_database_client(settings["COSMOS_DATABASE"])
        keys = {c["id"]: c["partitionKey"]["paths"][0] for c in database.list_containers()}
    assert keys == resources.PARTITION_KEYS
    query = "SELECT c.id FROM c WHERE c.rep_id = 'Zoe' ORDER BY c.status, c.scored_at DESC"
    assert list(alerts(running).query_items(query, partition_key="Zoe")) == []


def test_a_killed_part_is_down_alone_and_starts_again_where_it_was(running: Stack) -> None:
    alerts(running).create_item({"id": "A1.0", "rep_id": "Ann"})
    before = pids(running)
    running.kill("cosmos")
    assert pids(running) == {**before, "cosmos": None}
    running.start("cosmos")
    assert alerts(running).read_item("A1.0", partition_key="Ann")["rep_id"] == "Ann"
    running.restart("cosmos")
    assert alerts(running).read_item("A1.0", partition_key="Ann")["rep_id"] == "Ann"


def test_events_alerts_and_blobs_survive_down_and_up_on_the_same_ports(stack: Stack) -> None:
    stack.up()
    alerts(stack).create_item({"id": "A1.0", "rep_id": "Ann"})
    with dead_letters(stack) as container:
        container.upload_blob("orders/0/1.json", b"{}")
    with producer(stack) as sender:
        sender.send_event(EventData("order"), partition_id="1")
    before, children = stack.settings(), pids(stack)
    stack.down()
    stack.down()  # once more is harmless
    assert not any(psutil.pid_exists(pid) for pid in children.values() if pid)

    again = Stack(stack.state, app=None)
    with again:
        assert again.settings() == before
        assert alerts(again).read_item("A1.0", partition_key="Ann")["rep_id"] == "Ann"
        with dead_letters(again) as container:
            assert container.get_blob_client("orders/0/1.json").exists()
        with producer(again) as sender:
            assert sender.get_partition_properties("1")["last_enqueued_sequence_number"] == 0


def test_down_after_a_crash_stops_what_is_left_and_spares_recycled_pids(stack: Stack) -> None:
    stack.up()
    crashed = stack.pid("cosmos")
    assert crashed
    os.kill(crashed, signal.SIGKILL)
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    state = json.loads((stack.state / "stack.json").read_bytes())
    # As if the system had given its number away again, a minute after it had started.
    state["children"]["cosmos"]["pid"] = bystander.pid
    state["children"]["cosmos"]["started"] -= 60
    (stack.state / "stack.json").write_text(json.dumps(state))

    late = Stack(stack.state, app=None)  # another process would know no more than the folder
    assert late.pid("cosmos") is None
    late.down()
    assert bystander.poll() is None
    assert not any(pids(late).values())
    bystander.communicate(b"\n")


def test_a_taken_port_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        stack = Stack(tmp_path, {**FREE_PORTS, "cosmos": port}, app=None)
        with pytest.raises(StackError, match=f"port {port}, wanted for cosmos, is taken"):
            stack.up()
    assert not any(pids(stack).values())
    assert not (tmp_path / "azurite").exists()


def test_a_child_that_cannot_start_shows_its_log_and_the_others_stop(
    stack: Stack,
) -> None:
    journal = stack.state / "cosmos" / "cosmos.jsonl"
    journal.parent.mkdir(parents=True)
    journal.write_text("nonsense\n")
    with pytest.raises(StackError, match=r"(?s)cosmos ended with code 1:.*line 1 is not a journal"):
        stack.up()
    assert not any(pids(stack).values())


def test_missing_node_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ports = [f"{name}=0" for name in FREE_PORTS]
    assert main(["up", "--no-host", "--state", str(tmp_path / "state"), "--ports", *ports]) == 1
    assert capsys.readouterr().err == (
        "stack: Node is missing: install Node 20 or later and put `node` on the PATH\n"
    )


def test_another_python_is_refused() -> None:
    with pytest.raises(StackError, match=r"Python 3\.13 is missing: this is 3\.12"):
        services.require_python((3, 12))


def test_the_command_reports_what_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = ["--state", str(tmp_path / "state")]
    ports = ["--ports", *(f"{name}=0" for name in FREE_PORTS)]
    assert main(["status", "--no-host", *state]) == 1
    assert capsys.readouterr().out.count(" down ") == 3
    try:
        assert main(["up", "--no-host", *state, *ports]) == 0
        assert capsys.readouterr().out.count(" up, pid ") == 3
        assert main(["env", *state]) == 0
        assert "export COSMOS_ENDPOINT=http://127.0.0.1:" in capsys.readouterr().out
    finally:
        assert main(["down", *state]) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("starting", ["azurite", "cosmos"])
def test_an_interrupt_while_a_server_starts_ends_all_that_was_started(
    number: signal.Signals,
    starting: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    state, started = tmp_path / "state", []
    real = processes._await_address

    def awaited(name: str, handle: subprocess.Popen[bytes], *rest: Any) -> int:
        started.append(handle.pid)
        on_record = json.loads((state / "stack.json").read_bytes())["children"]
        assert on_record[name]["pid"] == handle.pid
        if name == starting:
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), number)  # an impatient second one
        return real(name, handle, *rest)

    monkeypatch.setattr(processes, "_await_address", awaited)
    ports = [f"{name}=0" for name in FREE_PORTS]
    assert main(["up", "--no-host", "--state", str(state), "--ports", *ports]) == 130
    assert capsys.readouterr() == ("", "stack: interrupted\n")
    assert len(started) == SERVERS.index(starting) + 1
    assert not any(psutil.pid_exists(pid) for pid in started)
    assert json.loads((state / "stack.json").read_bytes())["children"] == {}


def test_a_server_of_a_stack_that_was_killed_while_it_started_is_found_again(
    tmp_path: Path,
) -> None:
    script = (
        "import os, signal, sys; from infra.local import processes\n"
        "from infra.local.stack.__main__ import main\n"
        "processes._await_address = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "main(sys.argv[1:])"
    )
    state = ["--no-host", "--state", str(tmp_path / "state")]
    ports = ["--ports", *(f"{name}=0" for name in FREE_PORTS)]
    command = [sys.executable, "-c", script, "up", *state, *ports]
    assert subprocess.run(command, cwd=services.ROOT, check=False).returncode == -signal.SIGKILL
    [pid] = [one["pid"] for one in _children(tmp_path / "state").values()]
    assert psutil.pid_exists(pid)
    assert main(["down", *state]) == 0
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert _children(tmp_path / "state") == {}


def _children(state: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((state / "stack.json").read_bytes())["children"]
    return found


@pytest.mark.parametrize("command", ["up", "status", "down", "env"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"ports": {"host": "x"}, "children": {}}', r"ports\[...\]"),
        ('{"ports": {}, "children": {"host": {"pid": 1}}}', "is damaged"),
        ("\udcff", "is damaged"),
    ],
)
def test_a_broken_state_is_said_in_one_line(
    command: str, content: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "stack.json").write_bytes(content.encode(errors="surrogateescape"))
    assert main([command, "--state", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert re.fullmatch(rf"stack: .*{says}.*\n", said)
    assert str(tmp_path / "stack.json") in said


@pytest.mark.parametrize("command", ["up", "status", "down", "env"])
def test_a_file_as_state_folder_is_said_in_one_line(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    assert main([command, "--state", str(file)]) == 1
    assert capsys.readouterr().err == f"stack: {file} is no folder: --state must name one\n"
    assert file.read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_named_before_anything_starts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Nobody can make folders there, not even root.
    ports = [f"{name}=0" for name in FREE_PORTS]
    assert main(["up", "--no-host", "--state", "/proc/sheriff", "--ports", *ports]) == 1
    assert capsys.readouterr().err.startswith("stack: /proc/sheriff cannot be written: ")


def test_there_is_no_environment_of_a_stack_that_is_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["env", "--state", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"stack: nothing of {tmp_path} is up: start it with `stack up` first\n"


def test_a_reader_that_wants_one_line_of_the_environment_gets_it(running: Stack) -> None:
    command = [sys.executable, "-m", "infra.local.stack", "env", "--state", str(running.state)]
    reading = subprocess.Popen(
        command, cwd=services.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert reading.stdout is not None
    reading.stdout.close()  # as `head -0` would
    _, err = reading.communicate()
    assert (reading.returncode, err) == (141, "")


def test_the_environment_names_the_runs_of_the_stack_and_what_it_was_given(tmp_path: Path) -> None:
    given = Stack(tmp_path, app=None, settings={"SHELF_POLL_SECONDS": "1"})
    given._write()
    kept = Stack(tmp_path).settings()
    assert kept["MLFLOW_TRACKING_URI"] == f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    assert kept["SHELF_POLL_SECONDS"] == "1"


@pytest.mark.parametrize(
    "words",
    [[], ["sideways"], ["up", "--hosts", "0"], ["up", "--hosts", "x"], ["up", "--ports", "host"],
     ["up", "--ports", "cosmos=65536"], ["up", "--ports", "cosmos=-1"], ["status", "--state"]],
)  # fmt: skip
def test_a_bad_option_ends_with_the_usage(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: python -m infra.local.stack" in capsys.readouterr().err


def test_several_hosts_run_the_app_with_the_stack_s_settings(tmp_path: Path) -> None:
    sample = {"SAMPLE_HUB": "orders", "SAMPLE_SCHEDULE": "0 0 0 1 1 *"}
    settings = {
        **sample,
        "SAMPLE_LOG": str(tmp_path / "seen"),
        "AzureWebJobs.single.Disabled": "true",  # its consumer group is not the stack's
    }
    with Stack(tmp_path / "state", FREE_PORTS, SAMPLE, hosts=2, settings=settings) as stack:
        assert set(pids(stack)) == {*SERVERS, "host", "host-2"}
        for name in ("host", "host-2"):
            url = f"http://{processes.HOST}:{stack.port(name)}/v1/orders/7"
            with urllib.request.urlopen(url) as answer:
                assert answer.status == 201
        running = pids(stack)
    assert not any(psutil.pid_exists(pid) for pid in running.values() if pid)


def test_the_example_of_local_settings_names_the_stack_s_own() -> None:
    example = json.loads((services.ROOT / "local.settings.example.json").read_bytes())
    assert example["Values"] == services.app_settings(DEFAULT_PORTS)
