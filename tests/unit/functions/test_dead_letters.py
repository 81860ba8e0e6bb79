"""Sending dead letters again: each once, in order, and none lost on the way."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from functions.dead_letters import choose, line, main, partition_key, redrive, shown
from shared.dead_letter import DeadLetter, dead_letter_document, dead_letter_path
from shared.errors import ConfigurationError, NotThereError, TransientError, WriteConflict
from tests.orders import order_body
from tests.unit.functions.world import KEY, NOON, event

LATER = datetime(2026, 3, 2, tzinfo=UTC)


class FakeLetters:
    def __init__(self, *letters: DeadLetter) -> None:
        self.kept = {dead_letter_path(one): (dead_letter_document(one), 1) for one in letters}

    async def paths(self) -> list[str]:
        return sorted(self.kept)

    async def read(self, path: str) -> tuple[dict[str, Any], str]:
        if path not in self.kept:
            raise NotThereError(path)
        document, version = self.kept[path]
        return json.loads(json.dumps(document)), str(version)

    async def replace(self, path: str, document: dict[str, Any], version: str) -> None:
        _, now = self.kept[path]
        if version != str(now):
            raise WriteConflict(path)
        self.kept[path] = (document, now + 1)


class FakeHub:
    def __init__(self, taken: int = 100) -> None:
        self.sent: list[tuple[bytes, str | None]] = []
        self.taken = taken

    async def send(self, body: bytes, partition_key: str | None) -> None:
        if len(self.sent) == self.taken:
            raise TransientError("the hub is gone")
        self.sent.append((body, partition_key))


def letter(
    sequence: int,
    body: bytes = b"\xff",
    code: str = "not_json",
    message: str = "what is wrong",
) -> DeadLetter:
    return DeadLetter(KEY, event(sequence, body), code, message, "", NOON, 1)


async def send_all(letters: FakeLetters, hub: FakeHub, **which: Any) -> list[str]:
    said: list[str] = []
    await redrive(letters, hub, await choose(letters, **which), lambda: LATER, said.append)
    return said


async def test_bodies_go_out_untouched_and_in_the_order_of_their_stream() -> None:
    letters = FakeLetters(*(letter(n, b"%d" % n) for n in (10, 9, 100)))
    hub = FakeHub()
    said = await send_all(letters, hub)
    assert [body for body, _ in hub.sent] == [b"9", b"10", b"100"]
    assert said[0] == "orders/0/9.json: sent"


async def test_what_was_sent_again_is_not_sent_a_third_time() -> None:
    letters = FakeLetters(letter(1), letter(2))
    hub = FakeHub()
    await send_all(letters, hub)
    await send_all(letters, hub)
    assert len(hub.sent) == 2
    assert await choose(letters) == []
    [first, _] = await choose(letters, redriven=True)
    assert "sent again 2026-03-02T00:00:00.000000Z" in line(first)


async def test_only_the_chosen_code_or_names_are_sent() -> None:
    letters = FakeLetters(letter(1), letter(2, code="bad_time"), letter(3))
    hub = FakeHub()
    await send_all(letters, hub, code="bad_time")
    await send_all(letters, hub, paths=["orders/0/3.json"])
    left = await choose(letters)
    assert [kept.path for kept in left] == ["orders/0/1.json"]


async def test_a_hub_that_fails_leaves_the_rest_to_be_sent() -> None:
    letters = FakeLetters(letter(1), letter(2), letter(3))
    with pytest.raises(TransientError):
        await send_all(letters, FakeHub(taken=1))
    hub = FakeHub()
    await send_all(letters, hub)
    assert len(hub.sent) == 2


async def test_two_who_send_the_same_letter_mark_it_once_and_are_told() -> None:
    letters = FakeLetters(letter(1))
    chosen = await choose(letters)
    said: list[str] = []
    for _ in range(2):
        await redrive(letters, FakeHub(), chosen, lambda: LATER, said.append)
    assert said == ["orders/0/1.json: sent", "orders/0/1.json: sent, and by somebody else too"]


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (order_body(rep_id="Bo Ek", charged_price=-1), "Bo Ek"),
        (order_body(rep_id=7), "Annie Corns"),
        (b"[1]", "Annie Corns"),
        (b"\xff", "Annie Corns"),
        (b"[" * 10_000, "Annie Corns"),
    ],
)
async def test_an_order_goes_to_its_reps_partition_where_the_rep_can_be_read(
    body: bytes, key: str
) -> None:
    [kept] = await choose(FakeLetters(letter(1, body)))
    assert base64.b64decode(kept.document["body"]) == body
    assert partition_key(kept) == key


@pytest.fixture
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {})


@pytest.mark.usefixtures("_no_settings")
def test_a_missing_setting_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 1
    assert capsys.readouterr().err == (
        'ORDERS_HUB is not set; eval "$(python -m infra.local.stack env)" sets it for the local '
        "stack (docs/settings.md)\n"
    )


@pytest.mark.parametrize("argv", [[], ["redrive"], ["show"], ["redrive", "--code"], ["drop"]])
def test_a_command_that_says_too_little_ends_with_its_usage(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert "usage: python -m functions.dead_letters" in capsys.readouterr().err


HOSTILE = "\x1b]52;c;cm0gLXJm\x07\x1b[2J\x9b31m\u202egnp.\r\x7f"
STEERS = {*HOSTILE} - {*"]52;c;cm0gLXJm[231gnp."}


async def test_a_hostile_body_name_or_message_cannot_steer_the_terminal() -> None:
    body = order_body().replace(b"Annie Corns", f"Zoë Ångström{HOSTILE}".encode())
    letters = FakeLetters(letter(1, body + b"\xff", message=f"bad {HOSTILE} 日本語"))
    letters.kept = {f"orders/0/{HOSTILE}.json": one for one in letters.kept.values()}
    [kept] = await choose(letters)
    said: list[str] = []
    await redrive(letters, FakeHub(), [kept], lambda: LATER, said.append)
    for text in (line(kept), shown(kept), *said):
        assert not STEERS & set(text)
        assert "\\u001b" in text
    assert "日本語" in line(kept)
    assert "日本語" in shown(kept)
    assert "Zoë Ångström" in shown(kept)
    assert shown(kept).endswith("\\xff")


async def test_a_long_message_is_cut_after_it_was_made_harmless() -> None:
    [kept] = await choose(FakeLetters(letter(1, message="\x1b" * 100)))
    assert "\\u001b" * 14 + "\\u0..." in line(kept)


@pytest.mark.parametrize(
    "document", ["[]", "{}", '{"code": 1, "message": "", "time": "", "event": {}, "body": "x"}']
)
async def test_another_blob_in_the_container_is_named_in_one_line(document: str) -> None:
    letters = FakeLetters()
    letters.kept["orders/0/stray.json"] = (json.loads(document), 1)
    with pytest.raises(ConfigurationError, match=r"stray\.json is not written as a dead letter"):
        await choose(letters)


EMULATOR = (
    "DefaultEndpointsProtocol=http;AccountName=a;AccountKey={key};BlobEndpoint=http://{at}/a;"
)
SETTINGS = {
    "PATH": os.environ["PATH"],
    "ORDERS_HUB": "orders",
    "COSMOS_ENDPOINT": "http://127.0.0.1:9",
    "COSMOS_KEY": "bG9jYWw=",
    "SHERIFF_LOCAL": "on",
}


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("BLOB_CONNECTION", "nonsense", "BLOB_CONNECTION cannot be used: "),
        (
            "BLOB_CONNECTION",
            EMULATOR.format(key="a", at="[bad"),
            "BLOB_CONNECTION cannot be used: ",
        ),
        ("BLOB_CONNECTION", EMULATOR.format(key="!", at="127.0.0.1:9"), "list dead-letters: "),
        ("BLOB_ACCOUNT_URL", "", "BLOB_ACCOUNT_URL is not set"),
    ],
)
def test_a_bad_connection_is_one_clear_line(
    setting: str,
    value: str,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("os.environ", {**SETTINGS, setting: value})
    monkeypatch.setattr("shared.stores.timeouts.QUICK_BLOBS", {"retry_total": 0})
    assert main(["list"]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(says)


def run(connection: str, **pipes: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "functions.dead_letters", "list"]
    environ = {**SETTINGS, "BLOB_CONNECTION": connection}
    root = Path(__file__).parents[3]
    return subprocess.Popen(command, cwd=root, env=environ, stderr=-1, text=True, **pipes)


def test_an_interrupt_while_the_storage_is_asked_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as storage:
        port = storage.getsockname()[1]
        running = run(EMULATOR.format(key="YQ==", at=f"127.0.0.1:{port}"))
        asked, _ = storage.accept()
        asked.recv(1)  # and never answers
        running.send_signal(signal.SIGINT)
        _, err = running.communicate()
    assert (running.returncode, err) == (130, "interrupted\n")
