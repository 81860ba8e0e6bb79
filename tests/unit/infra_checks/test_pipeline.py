"""The pipelines are well, and a fault put into them is found."""

import pytest
import yaml

from infra.checks.mutants import ROOT, caught, listed
from infra.checks.pipeline import lint, problems, secrets, sources
from infra.checks.pipeline_model import Expansion, ExpressionError, evaluate, parse, read_expression
from infra.checks.pipeline_rules import steps

MUTANTS = list(listed("pipeline_mutants"))


def test_nothing_is_wrong_with_the_pipelines() -> None:
    assert problems() == []


def test_faults_put_into_them_are_found(capsys: pytest.CaptureFixture[str]) -> None:
    broken = [(one.file, one.apply((ROOT / one.file).read_text())) for one in MUTANTS]
    lint([(path, text) for path, text in broken if path.endswith(".yml") and text])
    survivors = [one for one in MUTANTS if caught(one, problems) is None]
    with capsys.disabled():
        print(f"\n{len(MUTANTS) - len(survivors)} of {len(MUTANTS)} faults in the pipelines found;"
              f" not: {', '.join(one.name for one in survivors) or 'none'}")  # fmt: skip
    assert len({one.name for one in MUTANTS}) == len(MUTANTS) >= 60
    assert [one.name for one in survivors if one.policy] == []
    assert len(survivors) <= len(MUTANTS) / 10


def test_the_packages_agree_on_one_python() -> None:
    version = (ROOT / ".python-version").read_text().strip()
    assert version == "3.13"
    assert f'requires-python = ">={version},' in (ROOT / "pyproject.toml").read_text()


def test_every_environment_signs_in_by_its_own_connection() -> None:
    pipeline = Expansion(sources()).pipeline("azure-pipelines.yml", lastEnvironment="prod")
    found = {(str(one.stage["stage"]).rpartition("_")[2], one.connection)
             for one in steps(pipeline) if one.connection}  # fmt: skip
    assert found == {(env, f"sheriff-{env}") for env in ("dev", "test", "prod")}


def test_a_model_is_promoted_only_when_one_is_named() -> None:
    expansion = Expansion(sources())
    main = "azure-pipelines.yml"
    without = expansion.pipeline(main, lastEnvironment="prod")["stages"]
    named = expansion.pipeline(main, lastEnvironment="prod", modelVersion="7")["stages"]
    assert [one["stage"] for one in named[: len(without)]] == [one["stage"] for one in without]
    assert [one["stage"] for one in named[len(without) :]] == ["promote_model_prod"]
    assert expansion.problems == []


def test_a_push_deploys_to_dev_alone_until_the_others_are_there() -> None:
    def stages(**given: str) -> list[str]:
        found = Expansion(sources()).pipeline("azure-pipelines.yml", **given)
        return [one["stage"] for one in found["stages"]]

    dev = ["validate", "audit", "package", "preview_dev", "deploy_dev"]
    assert stages() == dev
    assert stages(lastEnvironment="test") == [*dev, "preview_test", "deploy_test"]


def test_templates_are_put_in_their_places_with_their_parameters() -> None:
    files = {
        "main.yml": "stages: [{template: a/s.yml, parameters: {who: dev}}]",
        "a/s.yml": "parameters: [{name: who}, {name: pool, default: ''}]\n"
        "stages:\n- stage: s_${{ parameters.who }}\n"
        "  ${{ if ne(parameters.pool, '') }}:\n    pool: {name: x}\n"
        "  ${{ else }}:\n    pool: {vmImage: y}\n"
        "  jobs:\n  - ${{ if eq(parameters.who, 'dev') }}:\n    - job: only_dev\n"
        "  - template: j.yml\n",
        "a/j.yml": "jobs: [{job: j, on: {failure: 1}}]",
    }
    expansion = Expansion(files)
    assert expansion.pipeline("main.yml") == {
        "stages": [
            {
                "stage": "s_dev",
                "pool": {"vmImage": "y"},
                "jobs": [{"job": "only_dev"}, {"job": "j", "on": {"failure": 1}}],
            }
        ]
    }
    assert expansion.problems == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("eq(parameters.a, 'X')", True),
        ("and(ne(parameters.a, ''), not(in('q', 'a', 'b')))", True),
        ("or(eq('a', 'b'), eq('it''s', 'it''s'))", True),
        ("parameters.a", "x"),
    ],
)
def test_an_expression_has_its_value(text: str, value: object) -> None:
    assert evaluate(read_expression(text), {"a": "x"}) == value


@pytest.mark.parametrize(
    "text", ["", "eq(", "eq('a' 'b'", "und('a')", "eq('a','b'))", "a b", "'a", "#"]
)
def test_a_malformed_expression_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        read_expression(text)


def test_yaml_is_read_as_azure_devops_reads_it() -> None:
    assert parse("{on: yes, off: TRUE}") == {"on": "yes", "off": True}
    with pytest.raises(yaml.YAMLError):
        parse("a: [")


@pytest.mark.parametrize(
    "line",
    [
        "password: hunter2",
        "  ClientSecret: 'abc'",
        "x: AccountKey=abc",
        "export API_KEY=abc",
        f"value: {'A' * 86}==",
    ],
)
def test_what_looks_like_a_secret_is_found(line: str) -> None:
    assert list(secrets(f"a: b\n{line}\n")) == [2]


@pytest.mark.parametrize(
    "line", ["token: $(System.AccessToken)", "password: ${{ x }}", "secrets:", "key: a"]
)
def test_a_reference_is_no_secret(line: str) -> None:
    assert list(secrets(line)) == []
