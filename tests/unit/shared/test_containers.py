"""The table of containers names what the Bicep templates make."""

import re
from pathlib import Path

from shared.containers import BLOB_CONTAINERS, PARTITION_KEYS

MODULES = Path(__file__).parents[3] / "infra" / "modules"


def test_it_has_the_cosmos_containers_and_keys_of_the_template() -> None:
    template = (MODULES / "cosmos.bicep").read_text(encoding="utf-8")
    made = re.findall(r"name: '([a-z]+)'\n +partitionKey: '([^']+)'", template)
    assert len(made) == template.count("partitionKey: '") == 5
    assert dict(made) == PARTITION_KEYS


def test_it_has_the_blob_containers_of_the_template() -> None:
    template = (MODULES / "datastorage.bicep").read_text(encoding="utf-8")
    [names] = re.findall(r"var containerNames = \[([^\]]+)\]", template)
    assert sorted(re.findall(r"'([^']+)'", names)) == sorted(BLOB_CONTAINERS)
