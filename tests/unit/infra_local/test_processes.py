"""Children are on record before they run, and an interrupt ends what was started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from infra.local import commands, processes
from infra.local.processes import Child, StackError

SAYS = "print('x on http://127.0.0.1:7', flush=True); input()"


def python(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def test_a_child_is_on_record_before_it_runs_a_line_of_its_own(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    recorded: list[Child] = []

    def record(child: Child) -> None:
        assert processes.find(child)
        recorded.append(child)
        raise StackError("the record cannot be written")

    touching = python(f"open({str(ran)!r}, 'w'); {SAYS}")
    with pytest.raises(StackError, match="record cannot be written"):
        processes.start("x", touching, tmp_path / "log", record=record)
    assert not psutil.pid_exists(recorded[0].pid)
    assert not ran.exists()


def test_a_child_keeps_the_pid_and_the_time_that_were_recorded(tmp_path: Path) -> None:
    recorded: list[Child] = []
    script = (
        "import os, signal; print('pid', os.getpid()); "
        "print('x on http://127.0.0.1:7', flush=True); signal.pause()"
    )
    child = processes.start("x", python(script), tmp_path / "log", record=recorded.append)
    try:
        assert recorded == [Child("x", child.pid, child.started, 0, tmp_path / "log")]
        assert f"pid {child.pid}\n" in (tmp_path / "log").read_text()
        assert child.port == 7
        assert processes.find(child)
    finally:
        processes.kill(child)


def test_a_child_whose_parent_died_before_the_record_never_runs(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    script = (
        "import os, signal, sys; from pathlib import Path; from infra.local import processes\n"
        "def record(child):\n"
        "    print(child.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        f"processes.start('x', ['touch', {str(ran)!r}], Path(sys.argv[1]), record=record)"
    )
    command = [*python(script), str(tmp_path / "log")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.wait_procs([psutil.Process(int(done.stdout))])
    assert not ran.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_while_a_child_starts_ends_it(number: signal.Signals, tmp_path: Path) -> None:
    recorded: list[Child] = []

    def record(child: Child) -> None:
        recorded.append(child)
        os.kill(os.getpid(), number)

    with commands.interruptible(), pytest.raises(KeyboardInterrupt):
        processes.start("x", python(SAYS), tmp_path / "log", record=record)
    assert not psutil.pid_exists(recorded[0].pid)


def test_a_second_interrupt_does_not_cut_the_ending_short() -> None:
    before = signal.getsignal(signal.SIGINT)
    ended = False
    with commands.interruptible():
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            ended = True
    assert ended
    assert signal.getsignal(signal.SIGINT) is before


def interrupted() -> int:
    raise KeyboardInterrupt


def failed() -> int:
    raise OSError(28, "No space left on device", "/a/\x1b[2Jfile")


def complained() -> int:
    raise StackError("the log said \x1b]0;title\x07\n  and more")


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (interrupted, 130, "x: interrupted\n"),
        (failed, 2, "x: /a/\\u001b[2Jfile: No space left on device\n"),
        (complained, 2, "x: the log said \\u001b]0;title\\u0007\n  and more\n"),
    ],
)
def test_how_a_command_ends_is_one_line(
    command: commands.Callable[[], int], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.run("x", command, bad=2) == code
    assert capsys.readouterr() == ("", said)
