"""A deployment's outputs as variables of the pipeline."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.pipelines.outputs import NEEDED, commands, main

AS_AZURE_ANSWERS = (
    "orderS_HUB",
    "orderS_CONSUMER_GROUP",
    "eventHubConnection__fullyQualifiedNamespace",
    "cosmoS_ENDPOINT",
    "cosmoS_DATABASE",
    "bloB_ACCOUNT_URL",
    "mlfloW_TRACKING_URI",
    "scorerAppName",
    "trainerAppName",
    "deskAppName",
)
"""The needed outputs in the case in which Resource Manager answers: of the capitals that a name
begins with, all but the last become small. Recorded of another project's outputs:
`ioT_HUB_CONNECTION_STRING` (GitHub, Azure/azure-sdk-for-net 13521)."""

GOOD: dict[str, Any] = {name: {"type": "String", "value": f"v-{name}"} for name in AS_AZURE_ANSWERS}


def test_outputs_are_found_in_the_case_in_which_azure_answers() -> None:
    found = list(commands(GOOD | {"other": {"value": "x"}}))
    assert found == [
        f"##vso[task.setvariable variable={name}]v-{answered}"
        for name, answered in zip(NEEDED, AS_AZURE_ANSWERS, strict=True)
    ]


def test_outputs_are_found_in_the_case_of_the_template_and_in_one_seen_elsewhere() -> None:
    # `pOSTGRES_USER` for POSTGRES_USER (GitHub, Azure/azure-dev 512): nobody can rely on the case.
    for answered in ("COSMOS_ENDPOINT", "cOSMOS_ENDPOINT"):
        others = {name: one for name, one in GOOD.items() if name != "cosmoS_ENDPOINT"}
        found = list(commands(others | {answered: {"value": "here"}}))
        assert "##vso[task.setvariable variable=COSMOS_ENDPOINT]here" in found


@pytest.mark.parametrize("value", [None, "", 3, "two\nlines", "##vso[x]\r"])
def test_an_output_that_is_no_line_of_text_is_refused_by_name(value: Any) -> None:
    with pytest.raises(ValueError, match="output COSMOS_ENDPOINT is"):
        list(commands(GOOD | {"cosmoS_ENDPOINT": {"value": value}}))


def test_it_ends_well_or_names_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps(GOOD))
    assert main(str(file)) == 0
    file.write_text("null")
    assert main(str(file)) == 1
    assert "type=error" in capsys.readouterr().out
