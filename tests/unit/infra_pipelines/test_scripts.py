"""The shell scripts of the pipeline's steps, with stand-ins for what only an agent has."""

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.patience import PATIENCE

ROOT = Path(__file__).parents[3]
PIPELINES = "infra/pipelines"
RUNS = {"value": [{"id": 30, "status": "inProgress"}, {"id": 20, "result": "succeeded"}]}
"""As the REST API answers, newest first; a run that waits has no result (Builds - List)."""


def run(script: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"]} | settings
    return subprocess.run(
        [script, *arguments],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / PIPELINES, tmp_path / PIPELINES)
    return tmp_path


def fake_command(tree: Path, name: str, text: str) -> str:
    """A program of this name that comes first; the path to find it by."""
    (tree / "bin").mkdir(exist_ok=True)
    file = tree / "bin" / name
    file.write_text(f"#!/usr/bin/env bash\n{text}\n")
    file.chmod(0o755)
    return f"{tree / 'bin'}:{os.environ['PATH']}"


@pytest.fixture
def pinned(tree: Path) -> Path:
    """A file that the pinned hash is of."""
    file = tree / "compiler" / "bicep"
    file.parent.mkdir()
    file.write_text("a compiler")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    (tree / PIPELINES / "bicep-sha256").write_text(f"{digest}\n")
    return file


def compiler(tree: Path) -> Path:
    return tree / PIPELINES / "compiler.sh"


def test_the_compiler_is_the_one_that_is_named_else_the_one_of_this_run(
    tree: Path, pinned: Path
) -> None:
    assert not os.access(pinned, os.X_OK)
    found = run(compiler(tree), PIPELINE_WORKSPACE=str(tree))
    assert (found.returncode, found.stdout) == (0, f"{pinned}\n")
    assert os.access(pinned, os.X_OK)
    named = pinned.rename(tree / "elsewhere")
    assert run(compiler(tree), SHERIFF_BICEP=str(named)).stdout == f"{named}\n"


def test_another_compiler_is_refused(tree: Path, pinned: Path) -> None:
    pinned.write_text("another")
    found = run(compiler(tree), SHERIFF_BICEP=str(pinned))
    assert (found.returncode, found.stdout) == (1, "")
    assert "its SHA-256 is not that of bicep-sha256" in found.stderr


def test_only_the_first_stage_fetches_a_compiler(tree: Path, pinned: Path) -> None:
    fetched = fake_command(
        tree, "curl", f'echo "$*" > {tree}/asked; echo compiler > "${{@: -2:1}}"'
    )
    pinned.unlink()
    without = run(compiler(tree), PIPELINE_WORKSPACE=str(tree), PATH=fetched)
    assert (without.returncode, (tree / "asked").exists()) == (1, False)
    assert "name v0.49.2 with SHERIFF_BICEP" in without.stderr
    found = run(compiler(tree), "--fetch", PIPELINE_WORKSPACE=str(tree), PATH=fetched)
    assert "/Azure/bicep/releases/download/v0.49.2/bicep-linux-x64" in (tree / "asked").read_text()
    assert found.returncode == 1  # what came is not what is pinned
    assert "is not Bicep v0.49.2" in found.stderr


def test_the_pinned_hash_is_that_of_the_reference_compiler() -> None:
    reference = Path(os.environ.get("SHERIFF_SHARED", "/nowhere")) / "tools" / "bicep"
    if not reference.exists():
        pytest.skip("needs the reference folder named by SHERIFF_SHARED")
    digest = hashlib.sha256(reference.read_bytes()).hexdigest()
    assert (ROOT / PIPELINES / "bicep-sha256").read_text() == f"{digest}\n"


def last_good(tree: Path, answer: object, this_run: str = "40") -> tuple[str, str]:
    (tree / "answer.json").write_text(json.dumps(answer))
    path = fake_command(
        tree, "curl", f'echo "$*" > {tree}/asked; cat > {tree}/given; cat {tree}/answer.json'
    )
    done = run(
        tree / PIPELINES / "last-good.sh",
        "dev",
        PATH=path,
        SYSTEM_COLLECTIONURI="https://dev.azure.com/example/",
        SYSTEM_TEAMPROJECTID="project",
        SYSTEM_DEFINITIONID="7",
        SYSTEM_ACCESSTOKEN="token",
        BUILD_BUILDID=this_run,
    )
    return done.stdout, (tree / "asked").read_text()


def test_the_last_good_run_may_be_one_that_still_waits_for_production(tree: Path) -> None:
    said, asked = last_good(tree, RUNS)
    assert said == "##vso[task.setvariable variable=lastGoodRun]30\n"
    assert "builds?definitions=7&tagFilters=good-dev&statusFilter=all&queryOrder=queueTime" in asked
    assert "resultFilter" not in asked


def test_a_run_does_not_go_back_to_itself(tree: Path) -> None:
    assert last_good(tree, RUNS, this_run="30")[0].endswith("]20\n")


def test_the_token_is_no_argument(tree: Path) -> None:
    assert "token" not in last_good(tree, RUNS)[1]
    assert (tree / "given").read_text() == 'header = "Authorization: Bearer token"\n'


def test_before_the_first_success_it_says_that_there_is_none(tree: Path) -> None:
    said, _ = last_good(tree, {"value": []})
    assert said.startswith("##vso[task.logissue type=error]no run is good in dev yet")


def git(tree: Path, *arguments: str) -> None:
    named = ["-c", "user.name=n", "-c", "user.email=n@example.com", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *named, *arguments], cwd=tree, check=True, capture_output=True)


def commit(tree: Path, value: int) -> None:
    file = tree / "infra/environments/dev.snapshot.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"predictedResources": [{"id": "hub", "days": value}]}))
    git(tree, "add", ".")
    git(tree, "commit", "--message", str(value))


@pytest.mark.parametrize("branch", ["main", "topic"])
def test_what_a_change_does_is_told_from_where_it_left_main(tree: Path, branch: str) -> None:
    git(tree, "init")
    commit(tree, 1)
    if branch == "topic":
        commit(tree, 2)
        git(tree, "update-ref", "refs/remotes/origin/main", "HEAD")
        commit(tree, 3)  # two commits of one change
    commit(tree, 4)
    if branch == "main":
        git(tree, "update-ref", "refs/remotes/origin/main", "HEAD")
    done = run(tree / PIPELINES / "changes.sh", str(tree / "out" / "changes.md"))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"##vso[task.uploadsummary]{tree}/out/changes.md\n"
    was = 1 if branch == "main" else 2
    assert f"  - `days`: `{was}` -> `4`" in (tree / "out" / "changes.md").read_text()


def templates(tree: Path, compiler: Path, az: str) -> tuple[int, list[str], str]:
    """Run templates.sh for prod with a stand-in for `az`.

    Returns how it ended, what the compiler was told and asked, and what az was asked.
    """
    compiler.write_text(
        "#!/usr/bin/env bash\n"
        f'echo "$SHERIFF_THROUGHPUT_UNITS $SHERIFF_BUDGET_START: $*" >> {tree}/compiled\n'
    )
    digest = hashlib.sha256(compiler.read_bytes()).hexdigest()
    (tree / PIPELINES / "bicep-sha256").write_text(f"{digest}\n")
    path = fake_command(tree, "az", f'echo "$*" >> {tree}/asked\n{az}')
    fake_command(tree, "date", 'echo "2026-12-01: $*" | sed "s/:.*//"')
    script = tree / PIPELINES / "templates.sh"
    done = run(script, "prod", str(tree / "out"), PATH=path, SHERIFF_BICEP=str(compiler))
    compiled = tree / "compiled"
    told = compiled.read_text().splitlines() if compiled.exists() else []
    return done.returncode, told, (tree / "asked").read_text()


@pytest.mark.parametrize(
    ("units", "start", "told"),
    [
        ("12", "2025-06-01T00:00:00+00:00", "12 2025-06-01"),
        ("12", "2025-06-01T00:00:00Z", "12 2025-06-01"),
        ("", "", "0 2026-12-01"),  # before the first deployment
    ],
)
def test_what_is_deployed_knows_the_units_there_are_and_the_start_of_the_budget_there_is(
    tree: Path, pinned: Path, units: str, start: str, told: str
) -> None:
    answers = f'case "$*" in *budget*) echo "{start}" ;; *) echo "{units}" ;; esac'
    code, compiled, asked = templates(tree, pinned, answers)
    out = tree / "out"
    assert code == 0
    assert compiled == [
        f"{told}: build infra/main.bicep --outfile {out}/main.json",
        f"{told}: build-params infra/environments/prod.bicepparam --outfile {out}/parameters.json",
    ]
    assert asked.count("--resource-group rg-sheriff-prod") == 2


@pytest.mark.parametrize("command", ["budget", "eventhubs"])
def test_where_az_fails_nothing_is_compiled(tree: Path, pinned: Path, command: str) -> None:
    """An answer that is missing would be taken for a first deployment."""
    code, compiled, _ = templates(tree, pinned, f'case "$*" in *{command}*) exit 1 ;; esac')
    assert code != 0
    assert compiled == []


def test_the_budget_that_is_looked_for_is_the_one_that_the_templates_make(
    tree: Path, pinned: Path
) -> None:
    _, _, asked = templates(tree, pinned, "")
    snapshot = json.loads((ROOT / "infra/environments/prod.snapshot.json").read_text())
    [action] = [one for one in snapshot["predictedResources"] if one["name"].endswith("-unwatched")]
    assert f"[?name=='{action['name'].removesuffix('unwatched')}month']" in asked


def test_a_zips_packages_are_imported_and_no_index_is_asked_for_them(tree: Path) -> None:
    site = ".python_packages/lib/site-packages"
    with zipfile.ZipFile(tree / "scorer.zip", "w") as packed:
        packed.writestr("function_app.py", "")
        packed.writestr(f"{site}/packed.py", "WHERE = 'the zip'\n")
    # What it runs as `python` is this one; a pip would fail, for the new Python has none.
    path = fake_command(tree, "python", f'exec {sys.executable} "$@"')
    made = tree / "made"
    script = tree / PIPELINES / "python-of.sh"
    done = run(script, str(tree / "scorer.zip"), str(made), PATH=path)
    assert done.returncode == 0, done.stderr
    found = run(made / "bin/python", "-c", "import packed; print(packed.WHERE)", PATH=path)
    assert found.stdout == "the zip\n", found.stderr
    assert "No module named pip" in run(made / "bin/python", "-m", "pip").stderr
    assert not (made / "function_app.py").exists()


@pytest.mark.parametrize(
    "file", sorted((ROOT / PIPELINES).glob("*.py")), ids=lambda file: file.name
)
def test_an_agents_own_python_can_read_what_its_steps_run(file: Path) -> None:
    """Ubuntu 22.04 has Python 3.10, and an agent's steps run before any other is installed."""
    assert ast.parse(file.read_text(), feature_version=(3, 10)).body
