"""The fakes of these tests can stand in for the stores: they take the same arguments."""

import inspect

import pytest

from functions import ports
from tests.unit.functions import world
from tests.unit.functions.model_loader_world import FakeFiles


@pytest.mark.parametrize(
    ("port", "fake"),
    [
        (ports.AlertStore, world.FakeAlerts),
        (ports.IncidentStore, world.FakeIncidents),
        (ports.StateStore, world.FakeStates),
        (ports.ShadowStore, world.FakeShadows),
        (ports.DeadLetterStore, world.FakeDeadLetters),
        (ports.Telemetry, world.FakeTelemetry),
        (ports.Files, FakeFiles),
    ],
)
def test_a_fake_has_every_method_of_its_port_with_the_same_parameters(
    port: type, fake: type
) -> None:
    methods = [name for name in vars(port) if not name.startswith("_")]
    assert methods
    for name in methods:
        expected = inspect.signature(getattr(port, name)).parameters
        assert list(inspect.signature(getattr(fake, name)).parameters) == list(expected)
        assert inspect.iscoroutinefunction(getattr(fake, name)) == inspect.iscoroutinefunction(
            getattr(port, name)
        )
