"""The difference of snapshots, on small ones and on those that are committed."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from infra.pipelines.snapshots import main

ROOT = Path(__file__).parents[3]
GROUP = "/subscriptions/0/resourceGroups/rg-sheriff-dev/providers/"
HUB = f"{GROUP}Microsoft.EventHub/namespaces/n/eventhubs/orders"
ROLE = f"[extensionResourceId('{HUB}', 'Microsoft.Authorization/roleAssignments', 'a')]"


def resource(key: str, **properties: Any) -> dict[str, Any]:
    return {"id": key, "type": "t", "name": "n", "properties": properties}


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    return before, after


def write(folder: Path, environment: str, *found: dict[str, Any]) -> None:
    text = json.dumps({"predictedResources": list(found)})
    (folder / f"{environment}.snapshot.json").write_text(text)


def told(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(*map(str, folders)) == 0
    return capsys.readouterr().out


def test_a_property_that_changes_is_told_by_its_path_and_both_values(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    write(folders[0], "dev", resource(HUB, days=[{"keep": 1}], old=True))
    write(folders[1], "dev", resource(HUB, days=[{"keep": 7}], new={"a": 1}))
    said = told(folders, capsys)
    assert "## dev: 0 added, 0 gone, 1 changed" in said
    assert "- changed `Microsoft.EventHub/namespaces/n/eventhubs/orders`" in said
    assert "  - `properties.days[0].keep`: `1` -> `7`" in said
    assert '  - `properties.new`: nothing -> `{"a": 1}`' in said
    assert "  - `properties.old`: `true` -> nothing" in said


def test_what_comes_and_goes_is_told_and_that_azure_keeps_it(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    write(folders[0], "prod", resource(HUB))
    write(folders[1], "prod", resource(ROLE))
    said = told(folders, capsys)
    assert "## prod: 1 added, 1 gone, 0 changed" in said
    assert "namespaces/n/eventhubs/orders`: a deployment leaves it in Azure" in said
    assert "added `[extensionResourceId('Microsoft.EventHub/namespaces/n/eventhubs/orders'," in said


def test_an_environment_that_nothing_happens_to_says_so(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(folders, capsys).count("\nNothing.") == 3


def test_what_is_no_snapshot_is_refused(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (folders[1] / "test.snapshot.json").write_text("[]")
    assert main(*map(str, folders)) == 1
    assert "test.snapshot.json: expected a snapshot" in capsys.readouterr().err


def test_one_property_of_a_committed_snapshot_is_found(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads((ROOT / "infra/environments/prod.snapshot.json").read_text())
    changed = copy.deepcopy(found)
    [vault] = [one for one in changed["predictedResources"] if one["type"].endswith("/vaults")]
    vault["properties"]["enablePurgeProtection"] = False
    write(folders[0], "prod", *found["predictedResources"])
    write(folders[1], "prod", *changed["predictedResources"])
    said = told(folders, capsys)
    assert "## prod: 0 added, 0 gone, 1 changed" in said
    assert "  - `properties.enablePurgeProtection`: `true` -> `false`" in said
