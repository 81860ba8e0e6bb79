"""How many throughput units a deployment asks for."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.pipelines.throughput import main, units


def parameters(least: int, most: int) -> dict[str, Any]:
    named = {"throughputUnits": {"value": least}, "throughputUnitsMaximum": {"value": most}}
    return {"contentVersion": "1.0.0.0", "parameters": named}


@pytest.mark.parametrize(
    ("there", "asked"),
    [
        ([], 2),  # the first deployment
        ([1], 2),  # the parameters ask for more
        ([12], 12),  # auto-inflate has raised them
        ([20], 19),  # the maximum must be greater
        ([40], 19),  # the maximum was lowered
    ],
)
def test_a_deployment_asks_for_what_is_there_within_the_parameters(
    there: list[int], asked: int
) -> None:
    assert units(parameters(2, 20), there) == asked


def test_it_prints_the_number_or_says_what_it_cannot_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given, there = tmp_path / "parameters.json", tmp_path / "there.json"
    given.write_text(json.dumps(parameters(1, 2)))
    there.write_text("[]")
    assert main(str(given), str(there)) == 0
    assert capsys.readouterr().out == "1\n"
    for text in ("null", '["a"]', "no JSON"):
        there.write_text(text)
        assert main(str(given), str(there)) == 1
        assert capsys.readouterr().err.startswith("throughput.py: ")
