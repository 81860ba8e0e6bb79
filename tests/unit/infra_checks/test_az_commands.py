"""Command lines of `az` are found, taken apart and held against a table."""

import json
from pathlib import Path

import pytest

from infra.checks import az_commands
from infra.checks.az_commands import ROOT, Command, Line, extensions, files, lines, problems, table
from infra.checks.tool import ToolError

GROUP, NAME = frozenset(("--resource-group", "-g")), frozenset(("--name", "-n"))
KNOWN = {"group create": Command([GROUP, NAME], [NAME]), "account": Command([], [])}


def found(path: str, text: str) -> list[list[str]]:
    return [list(line.words) for line in lines(path, text)]


def said(text: str) -> list[str]:
    return [one.partition(": ")[2] for one in problems(list(lines("a.sh", text)), KNOWN)]


def test_a_command_ends_where_the_shell_ends_it() -> None:
    text = (
        'x="$(az group create --name "$(az account list) b" \\\n  -g c)" # az no\n'
        "for a; do az account > f; done\n"
    )
    assert found("a.sh", text)[0] == [
        "group", "create", "--name", "$(az account list) b", "-g", "c",
    ]  # fmt: skip
    assert found("a.sh", text)[-1] == ["account"]


def test_arrays_are_put_in_as_they_were_set_before() -> None:
    text = 'on=(-g "$g")\nat=("${on[@]}" --name x)\naz group create "${at[@]}"\non=(--other)\n'
    assert found("a.sh", text) == [["group", "create", "-g", "$g", "--name", "x"]]


def test_what_change_sh_runs_is_a_command_in_scripts_alone() -> None:
    assert found("a.sh", "change group create --name a\n") == [["group", "create", "--name", "a"]]
    assert found("a.yml", "displayName: What this change does in Azure\n") == []


def test_documents_have_commands_in_their_code() -> None:
    text = "az x\n```console\n$ az group create --name A\n```\nSee `az account`, az as ever.\n"
    assert found("a.md", text) == [["group", "create", "--name", "A"], ["account"]]
    [first, _] = lines("a.md", text)
    assert first.place == "a.md:2"


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("az group create --name a -g b --output none", []),
        ("az group create --nam=a", ["az group create has no option --nam",
                                     "az group create needs --name or -n"]),
        ("az group make --name a", ["there is no command az group make"]),
        ("az account", []),
        ("az group create", []),  # named, not run
    ],
)  # fmt: skip
def test_what_the_table_does_not_have_is_told(line: str, wrong: list[str]) -> None:
    assert said(line) == wrong


def test_the_commands_of_extensions_have_their_pages_and_what_they_need() -> None:
    known = extensions()
    assert frozenset(("--build-definition-id",)) in known["repos policy build create"].required
    text = (ROOT / "infra" / "checks" / "az_extensions.toml").read_text()
    assert text.count("https://learn.microsoft.com/cli/azure/") == len(known)


def test_every_command_of_the_extensions_that_is_used_is_listed_and_no_other() -> None:
    known = extensions()
    every = [line for path, text in files() for line in lines(path, text)]
    ours = [one for one in every if one.words[0] in {"devops", "pipelines", "repos", "ml"}]
    assert {one.command(known) for one in ours} == set(known)
    assert list(problems(ours, known)) == []


def test_scripts_pipelines_and_documents_are_all_looked_at() -> None:
    every = [line.place for path, text in files() for line in lines(path, text)]
    assert len(every) > 80
    for path in ("docs/deploy.md", "docs/operations.md", "infra/pipelines/bootstrap.sh",
                 "infra/pipelines/sign-in.sh", "infra/pipelines/steps/what-if.yml"):  # fmt: skip
        assert any(place.startswith(f"{path}:") for place in every), path


def test_azure_cli_is_asked_in_its_own_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"group create": [{"names": ["--name", "-n"], "required": True},
                               {"names": ["cmd"], "required": True}]}  # fmt: skip
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\n")
    python.chmod(0o755)
    monkeypatch.setattr(az_commands, "PYTHON", python)
    assert table(["group create"])["group create"].required == [NAME]
    python.write_text("#!/bin/sh\necho no\n")
    with pytest.raises(ToolError, match="gave no answer"):
        table([])
    monkeypatch.setattr(az_commands, "PYTHON", tmp_path / "none")
    with pytest.raises(ToolError, match="is not there; its make target installs it"):
        table([])


def test_the_lock_is_of_the_version_that_is_asked_for() -> None:
    folder = Path(az_commands.__file__).parent
    asked = (folder / "requirements-azure-cli.in").read_text().strip()
    locked = (folder / "requirements-azure-cli.txt").read_text()
    assert f"{asked} \\\n" in locked
    assert "http" not in locked


def test_a_line_knows_its_longest_command() -> None:
    assert Line("a", ["group", "create", "x", "--name", "y"]).command(KNOWN) == "group create"
