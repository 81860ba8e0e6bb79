"""The fakes of the tests have the methods of the ports, with the same arguments."""

import inspect

import pytest

from tests.unit.training.world import (
    FakeBlobs,
    FakeDocuments,
    FakeLease,
    FakeRecord,
    FakeRecording,
)
from training.ports import Blobs, Documents, Lease, Record, Recording


@pytest.mark.parametrize(
    ("port", "fake"),
    [
        (Blobs, FakeBlobs),
        (Documents, FakeDocuments),
        (Lease, FakeLease),
        (Record, FakeRecord),
        (Recording, FakeRecording),
    ],
)
def test_a_fake_takes_what_its_port_takes(port: type, fake: type) -> None:
    methods = {name: method for name, method in vars(port).items() if name[0] != "_"}
    assert methods
    for name, method in methods.items():
        asked = inspect.signature(method).parameters
        given = inspect.signature(getattr(fake, name)).parameters
        assert [(p.name, p.kind, p.default) for p in asked.values()] == [
            (p.name, p.kind, p.default) for p in given.values()
        ], name
