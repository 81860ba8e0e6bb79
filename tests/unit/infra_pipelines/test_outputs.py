"""A deployment's outputs as variables of the pipeline."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.pipelines.outputs import NEEDED, commands, main

GOOD: dict[str, Any] = {name: {"type": "String", "value": f"v-{name}"} for name in NEEDED}


def test_every_needed_output_becomes_a_variable() -> None:
    found = list(commands(GOOD | {"other": {"value": "x"}}))
    assert found == [f"##vso[task.setvariable variable={name}]v-{name}" for name in NEEDED]


@pytest.mark.parametrize("value", [None, "", 3, "two\nlines", "##vso[x]\r"])
def test_an_output_that_is_no_line_of_text_is_refused_by_name(value: Any) -> None:
    with pytest.raises(ValueError, match="output COSMOS_ENDPOINT is"):
        list(commands(GOOD | {"COSMOS_ENDPOINT": {"value": value}}))


def test_it_ends_well_or_names_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps(GOOD))
    assert main(str(file)) == 0
    file.write_text("null")
    assert main(str(file)) == 1
    assert "type=error" in capsys.readouterr().out
