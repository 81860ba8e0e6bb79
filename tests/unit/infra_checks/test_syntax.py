import pytest

from infra.checks.bicep import read_files
from infra.checks.syntax import BicepError, parameters_as_bicep, parsed

WRONG = [
    ("param a string\nvar b = {\n", 2),
    ("var a = 'b\n", 2),
    ("# a comment of another language\n", 1),
    ("var a = {\n  ...b\n}\n", 2),
    ("module a 'br/public:avm/res/storage:1.0.0' = {\n}\n", 1),
]


@pytest.mark.parametrize(("text", "line"), WRONG)
def test_what_is_no_bicep_or_not_used_here_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(BicepError, match=rf"^a\.bicep:{line}: syntax"):
        parsed("a.bicep", text)


def test_parameters_become_bicep_line_by_line() -> None:
    text = "using '../main.bicep'\n\nparam a = 'b'\n"
    assert parameters_as_bicep(text) == "\n\nvar   a = 'b'\n"


def test_every_template_and_parameter_file_is_read() -> None:
    files = {file for file in read_files({}) if file.endswith((".bicep", ".bicepparam"))}
    assert len(files) == 19
    for file in files:
        assert parsed(file, read_files({})[file]).child_count
