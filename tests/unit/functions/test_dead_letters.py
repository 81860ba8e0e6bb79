"""Sending dead letters again: each once, in order, and none lost on the way."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.dead_letters import choose, line, main, partition_key, redrive
from functions.documents import dead_letter_document, dead_letter_path
from functions.ports import DeadLetter, NotThereError, WriteConflict
from shared.errors import TransientError
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


def letter(sequence: int, body: bytes = b"\xff", code: str = "not_json") -> DeadLetter:
    return DeadLetter(KEY, event(sequence, body), code, "what is wrong", "", NOON, 1)


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
