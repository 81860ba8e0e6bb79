"""How every test runs, here and in CI alike."""

import signal

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

# Examples follow from the test alone, so that a verdict says something of the code and nothing of
# luck or of how busy the machine is. `pytest --hypothesis-profile searching` looks for new ones.
settings.register_profile(
    "sheriff", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "searching", parent=settings.get_profile("sheriff"), derandomize=False, max_examples=1000
)
settings.load_profile("sheriff")

# Shells start what runs in the background with Ctrl-C ignored, and children inherit that: here
# they must hear it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

TOGETHER = ("tests/e2e/", "tests/unit/infra_checks/")
"""Folders whose files share what is dear to make, a model or a compiler: one worker runs them."""

FIRST = (*TOGETHER, "tests/integration/test_trainer_package.py", "tests/integration/")
"""What takes longest begins first. If it began last, one worker would work on alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return next((n for n, start in enumerate(FIRST) if item.nodeid.startswith(start)), 99)

    items.sort(key=place)


class Scheduling(LoadFileScheduling):
    """Give out a file at a time in the order of collection, and a folder of `TOGETHER` at once."""

    def _split_scope(self, nodeid: str) -> str:
        return next(
            (one for one in TOGETHER if nodeid.startswith(one)), super()._split_scope(nodeid)
        )


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    if config.getoption("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False
    return Scheduling(config, log)
