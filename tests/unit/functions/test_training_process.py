"""The training runs in a process of its own, and what goes wrong there is one clear error."""

import asyncio
import logging
import os
import sys
from pathlib import Path

import pytest

from functions.training_process import COMMAND, ROOT, RetrainError, environment, run_here
from tests.patience import PATIENCE
from tests.unit.functions.test_retraining import says


async def test_what_the_training_says_is_logged_as_it_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        await run_here(says("import sys; print('learned'); print('noted', file=sys.stderr)"))
    assert {"training: learned", "training: noted"} <= {one.message for one in caplog.records}


async def test_a_failed_training_is_an_error_with_its_last_line() -> None:
    script = (
        "import sys; print('step 1');"
        " print('reading', file=sys.stderr); print('no orders in the archive', file=sys.stderr);"
        " print(file=sys.stderr); sys.exit(3)"
    )
    with pytest.raises(RetrainError) as failed:
        await run_here(says(script))
    assert str(failed.value) == (
        "the nightly training failed (code 3): no orders in the archive; the champion serves on"
    )


async def test_a_line_without_end_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await run_here(says("print('x' * 3_000_000); print('done')"))
    assert "training: done" in {one.message for one in caplog.records}


async def test_a_training_that_is_killed_is_an_error_too() -> None:
    with pytest.raises(RetrainError, match=r"\(code -9\): it said nothing; the champion serves on"):
        await run_here(says("import os; os.kill(os.getpid(), 9)"))


async def test_a_training_that_runs_already_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        await run_here(says("print('another run holds the lease')"))
    messages = {record.message for record in caplog.records}
    assert "training: another run holds the lease" in messages


async def test_a_cancelled_wait_ends_the_training(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, signal\n"
        f"pathlib.Path({str(tmp_path)!r}, 'pid').write_text(str(os.getpid()))\n"
        "print('ready', flush=True)\nsignal.pause()"
    )
    started = asyncio.Event()

    class Ready(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            started.set()

    logger = logging.getLogger("functions.training_process")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler := Ready())
    try:
        running = asyncio.create_task(run_here(says(script)))
        async with asyncio.timeout(PATIENCE):
            await started.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    finally:
        logger.removeHandler(handler)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


async def test_the_training_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    """It waits for what only the loop can do meanwhile."""
    turned = tmp_path / "turned"
    waits = (
        f"import pathlib, time\nwhile not pathlib.Path({str(turned)!r}).exists(): time.sleep(0.01)"
    )
    training = asyncio.create_task(run_here(says(waits)))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not training.done()
    turned.touch()
    await training


def test_the_process_finds_all_that_this_one_finds() -> None:
    found = environment({"ORDERS_HUB": "orders", "PYTHONPATH": "old"}, ["", "/app/packages"])
    assert found == {
        "ORDERS_HUB": "orders",
        "PYTHONPATH": os.pathsep.join([str(ROOT), "/app/packages"]),
    }
    assert (sys.executable, "-m", "training.pipeline") == COMMAND
    assert (ROOT / "function_app.py").is_file()
