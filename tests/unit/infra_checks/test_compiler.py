"""What Microsoft's compiler says of the templates, and of faults that are put into them."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.checks import compiler as ours
from infra.checks.bicep import ENVIRONMENTS, Bench, bench, problems, snapshot
from infra.checks.compiler import PINNED, ROOT, CompilerError
from infra.checks.deployment import Templates

pytestmark = pytest.mark.compiler

SOURCES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "infra").rglob("*.bicep*")
    if path.suffix in {".bicep", ".bicepparam"} and "node_modules" not in path.parts
)


@pytest.fixture(scope="module")
def on() -> Iterator[Bench]:
    with bench({}) as made:
        yield made


@pytest.mark.parametrize("file", [one for one in SOURCES if one.endswith(".bicep")])
def test_neither_compiler_nor_linter_has_anything_to_say(on: Bench, file: str) -> None:
    assert on.compiler.compile(on.folder / file).diagnostics == ()


@pytest.mark.parametrize("file", SOURCES)
def test_bicep_format_changes_nothing(on: Bench, file: str) -> None:
    assert on.compiler.formatted(on.folder / file) == (ROOT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_parameters_of_an_environment_build(on: Bench, environment: str) -> None:
    given, said = on.compiler.parameters(on.environment(environment))
    assert said == ()
    assert given["environmentName"] == environment


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_committed_snapshot_is_what_the_templates_come_to(on: Bench, environment: str) -> None:
    """Where they differ, `make snapshots` renews it, and the difference is what a change does."""
    committed = ROOT / "infra" / "environments" / f"{environment}.snapshot.json"
    assert committed.read_text(encoding="utf-8") == snapshot(on, environment)


def test_the_command_of_the_pipeline_accepts_a_committed_snapshot() -> None:
    where = ["--subscription-id", ours.NOBODY, "--tenant-id", ours.NOBODY]
    done = subprocess.run(
        [
            *(str(executable()), "snapshot", "infra/environments/dev.bicepparam"),
            *("--mode", "validate", "--deployment-name", "sheriff", *where),
            *("--resource-group", "rg-sheriff-dev", "--location", ours.LOCATION),
        ],
        cwd=ROOT,
        env={name: text for name, text in os.environ.items() if "SHERIFF_" not in name},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_snapshot_does_not_depend_on_who_makes_it(on: Bench) -> None:
    given, _ = on.compiler.parameters(on.environment("prod"))
    assert given["alertEmails"] == ["fraud-desk@example.com"]
    assert given["deskClientId"] == ""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("captureDescription:", "captureDescriptions:", "hub.bicep:52: BCP089"),
        ("encoding: 'Avro'", "encoding: 'Parquet'", "BCP036"),
        ("intervalInSeconds: 300", "intervalInSeconds: '300'", "BCP036"),
        ("captureIdentity.id", "captureIdentities.id", "BCP057"),
        ("\n}\n", "\n", "BCP018"),
        ("partitionCount: partitionCount\n", "partitionCount: 4\n", "no-unused-params"),
    ],
)
def test_a_slip_is_named_with_its_file_and_the_code_of_the_compiler(
    old: str, new: str, expected: str
) -> None:
    file = "infra/modules/hub.bicep"
    text = (ROOT / file).read_text(encoding="utf-8")
    assert old in text
    assert any(expected in one for one in problems({file: text.replace(old, new, 1)}))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("param throughputUnits = 2", "param throughputUnits = 41", "BCP"),
        ("param throughputUnits = 2", "param throughputUnits = '2'", "BCP"),
        ("'Standard_GZRS'", "'Standard_RAGRS'", "BCP"),
        ("param partitionCount = 16\n", "", "partitionCount"),
        ("costCentre", "costCenter", "costCentre"),
    ],
)
def test_a_parameter_that_the_template_does_not_take_is_named(
    old: str, new: str, expected: str
) -> None:
    file = "infra/environments/prod.bicepparam"
    text = (ROOT / file).read_text(encoding="utf-8")
    assert old in text
    first = next(iter(problems({file: text.replace(old, new)})))
    assert first.startswith("prod.bicepparam:")
    assert expected in first


def test_what_the_compiler_cannot_evaluate_is_an_error_that_says_so(on: Bench) -> None:
    templates = Templates.of(on.compiler, on.folder)
    given, _ = on.compiler.parameters(on.environment("dev"))
    with pytest.raises(CompilerError, match=r"given\.bicepparam:\d+: BCP\d+: .*nowhere"):
        templates.deployed(on.compiler, given | {"environmentName": "nowhere"})


def executable() -> Path:
    """The compiler that the tests use, as a command."""
    named = ours._at_hand()
    return named or Path.home() / ".bicep" / "bin" / f"v{PINNED}" / "bicep"


class TestWithout:
    """Which compiler is taken, and what is said where there is none."""

    @pytest.fixture(autouse=True)
    def _another(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        ours.compiler.cache_clear()
        with monkeypatch.context() as changed:
            self.environ = changed
            yield
        ours.compiler.cache_clear()

    def test_a_compiler_that_is_not_there_is_an_error_that_says_what_to_do(self) -> None:
        self.environ.setenv("SHERIFF_BICEP", "/nowhere/bicep")
        with pytest.raises(
            CompilerError, match=r"no Bicep compiler .* name one with SHERIFF_BICEP"
        ):
            ours.compiler()

    def test_another_version_is_refused(self, tmp_path: Path) -> None:
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "result": {"version": "0.1.0"}}
        body = json.dumps(answer)
        other = tmp_path / "bicep"
        other.write_text(
            f"#!/bin/sh\nprintf 'Content-Length: {len(body)}\\r\\n\\r\\n{body}'\ncat\n"
        )
        other.chmod(0o755)
        self.environ.setenv("SHERIFF_BICEP", str(other))
        with pytest.raises(CompilerError, match=rf"0\.1\.0, expected {PINNED}"):
            ours.compiler()

    def test_the_compiler_of_the_reference_folder_runs_even_without_its_run_bit(
        self, tmp_path: Path
    ) -> None:
        tools = tmp_path / "tools"
        tools.mkdir()
        (tools / "bicep").write_text("#!/bin/sh\n")
        (tools / "bicep").chmod(0o644)
        self.environ.delenv("SHERIFF_BICEP", raising=False)
        self.environ.setenv("SHERIFF_SHARED", str(tmp_path))
        found = ours._at_hand()
        assert found is not None
        assert os.access(found, os.X_OK)
