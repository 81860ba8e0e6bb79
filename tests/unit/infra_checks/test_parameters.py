import pytest

from infra.checks.bicep import problems, read_files
from infra.checks.parameters import ENVIRONMENTS, environment_file, given


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_is_read_as_it_is_named(environment: str) -> None:
    assert given(read_files({}), environment)["environmentName"] == environment


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("param throughputUnits = 2", "param throughputUnits = 41", "expected at most 40"),
        ("param throughputUnits = 2", "param throughputUnits = '2'", "expected int"),
        ("'Standard_GZRS'", "'Standard_RAGRS'", "expected one of Standard_LRS"),
        ("'2026-12-01'", "'2026-12'", "expected at least 10"),
        ("param partitionCount = 16\n", "", "needs the parameter partitionCount"),
        ("costCentre", "costCenter", "has no parameter costCenter"),
    ],
)
def test_what_the_template_does_not_take_is_named(old: str, new: str, expected: str) -> None:
    file = environment_file("prod")
    text = read_files({})[file]
    assert old in text
    assert expected in next(iter(problems({file: text.replace(old, new)})))
