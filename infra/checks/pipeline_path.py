"""The way of a commit to production: what happens in every environment, and in which order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from infra.checks.pipeline_rules import (
    ENVIRONMENTS,
    Node,
    Step,
    after,
    changes_azure,
    name,
    steps,
    waits_for,
)

type Kind = Callable[[Step], bool]


def runs(words: str) -> Kind:
    """Steps whose script has these words, however they are broken into lines."""
    pattern = re.compile(words)
    return lambda step: bool(pattern.search(re.sub(r"\\\n\s*", "", step.script)))


def task(start: str) -> Kind:
    """Steps of a task."""
    return lambda step: str(step.node.get("task", "")).startswith(start)


MAKE_TEST = runs(r"\Amake test\Z")
BICEP = runs(r"\Ainfra/pipelines/bicep\.sh\Z")
BUILD = runs(r"-m infra\.package --out")
INSPECT = runs(r"-m infra\.checks\.package .*scorer\.zip.*trainer\.zip")
COLD_START = runs(r"-m tests\.bench\.coldstart --package")
COMPILED = r'--template-file "\$TEMPLATES/main\.json" --parameters "@\$TEMPLATES/parameters\.json"'
WHAT_IF = runs(
    r"templates\.sh \"\$ENVIRONMENT\" \"\$TEMPLATES\"\naz deployment group what-if "
    rf".*{COMPILED}.*--no-pretty-print.* > \"\$ANSWER\"\n.*what_if\.py \"\$ANSWER\""
)
INFRASTRUCTURE = runs(rf"az deployment group create .*{COMPILED}.*--mode Incremental")
CHANGES = runs(r"\Ainfra/pipelines/changes\.sh \"\$REPORT\"\Z")
FETCH = runs(r"infra/pipelines/compiler\.sh --fetch")
FIND_LAST_GOOD = runs(r"\Ainfra/pipelines/last-good\.sh \"\$ENVIRONMENT\"\Z")


def downloads(artifact: str) -> Kind:
    """Steps that download an artifact of this run."""
    return lambda step: (
        step.node.get("download") == "current" and (step.node.get("artifact") == artifact)
    )


CODE = task("AzureFunctionApp@")
SMOKE = runs(r"-m infra\.smoke .*--expect-version \"\$release\"")
LAST_GOOD = task("DownloadPipelineArtifact@")
PROMOTE = runs(r"-m training\.promote --version \"\$MODEL_VERSION\"")


def follows(found: list[Step], *kinds: tuple[str, Kind]) -> Iterator[str]:
    """The steps are there, each kind after the one before it; says which is missing or early."""
    place = 0
    for what, kind in kinds:
        places = [number for number, step in enumerate(found) if kind(step)]
        if not places:
            yield f"there is no step that {what}"
        elif places[0] < place:
            yield f"the step that {what} comes too early"
        else:
            place = places[-1] + 1


def _job(pipeline: Node, stage: str, job: str, hook: str) -> list[Step]:
    return [
        one for one in steps(pipeline)
        if one.stage.get("stage") == stage and name(one.job) == job and one.hook == hook
    ]  # fmt: skip


def to_production(pipeline: Node) -> Iterator[str]:
    """Everything about azure-pipelines.yml that its other rules do not say."""
    stages = {str(stage.get("stage")): stage for stage in pipeline.get("stages") or []}
    yield from _triggers(pipeline)
    yield from _in_order(stages)
    yield from _before(pipeline)
    for environment in ENVIRONMENTS:
        yield from (f"{environment}: {one}" for one in _environment(pipeline, environment))
    model = _job(pipeline, "promote_model_prod", "promote", "deploy")
    yield from (f"model: {one}" for one in follows(model, ("promotes the model", PROMOTE)))


def no_further_than(pipeline: Node, last: str) -> Iterator[str]:
    """It names nothing of the environments after the last one: they may not be there yet."""
    text = str(pipeline)
    for environment in ENVIRONMENTS[ENVIRONMENTS.index(last) + 1 :]:
        if re.search(rf"[-_]{environment}\b", text):
            yield f"with {last} as the last environment it names something of {environment}"
    if f"deploy_{last}" not in text:
        yield f"with {last} as the last environment it does not deploy to it"


def _triggers(pipeline: Node) -> Iterator[str]:
    found = pipeline.get("trigger")
    branches = found.get("branches", {}).get("include") if isinstance(found, dict) else found
    if branches != ["main"]:
        yield f"trigger: expected main alone, found {branches}"
    if isinstance(found, dict) and found.get("batch"):
        yield "trigger: batch lets no commit start while a run waits for an approval"
    if "pr" in pipeline:
        yield "pr: does nothing in Azure Repos; the branch policy builds pull requests"


def _in_order(stages: dict[str, Any]) -> Iterator[str]:
    expected = ["validate", "package"]
    for environment in ENVIRONMENTS:
        expected += [f"preview_{environment}", f"deploy_{environment}"]
    expected.append("promote_model_prod")
    yield from (f"there is no stage {one}" for one in expected if one not in stages)
    for first, then in pairwise(expected):
        if then in stages and not waits_for(stages, first, then):
            yield f"{then} does not wait for {first}"


def _before(pipeline: Node) -> Iterator[str]:
    tests = _job(pipeline, "validate", "tests", "steps")
    yield from follows(tests, ("runs make test", MAKE_TEST), ("publishes", task("PublishTest")))
    audit = _job(pipeline, "validate", "audit", "steps")
    yield from follows(audit, ("runs make audit", runs(r"\Amake audit\Z")))
    yield from follows(
        _job(pipeline, "validate", "compiler", "steps"),
        ("takes the compiler", FETCH),
        ("publishes it", lambda step: step.node.get("artifact") == "compiler"),
    )
    yield from follows(
        _job(pipeline, "validate", "bicep", "steps"),
        ("downloads the compiler", downloads("compiler")),
        ("tells what changed", CHANGES),
        ("compiles the Bicep", BICEP),
        ("publishes what changed", lambda step: "publish" in step.node),
    )
    yield from follows(
        _job(pipeline, "package", "package", "steps"),
        ("builds the zips", BUILD),
        ("inspects them", INSPECT),
        ("starts cold", COLD_START),
        ("publishes them", lambda step: step.node.get("artifact") == "packages"),
    )
    for step in steps(pipeline):
        if "condition" in step.node and (MAKE_TEST(step) or BICEP(step) or INSPECT(step)):
            yield f"{step.place}: a check is conditional"
    builds = [step.place for step in steps(pipeline) if BUILD(step)]
    if len(builds) != 1:
        yield f"packages are built in {builds}, not once"


def _environment(pipeline: Node, environment: str) -> Iterator[str]:
    deploy = f"deploy_{environment}"
    preview = _job(pipeline, f"preview_{environment}", "what_if", "steps")
    compiler = ("downloads the compiler", downloads("compiler"))
    yield from follows(preview, compiler, ("asks what-if", WHAT_IF))
    if any(changes_azure(step) for step in preview):
        yield "the preview changes something"
    infrastructure = _job(pipeline, deploy, "infrastructure", "deploy")
    yield from follows(
        infrastructure,
        compiler,
        ("asks what-if again", WHAT_IF),
        ("deploys the templates", INFRASTRUCTURE),
    )
    done = _job(pipeline, deploy, "code", "deploy")
    yield from follows(
        done,
        ("downloads the packages", downloads("packages")),
        ("deploys the code", CODE),
        ("runs the smoke test", SMOKE),
    )
    back = _job(pipeline, deploy, "code", "failure")
    yield from follows(
        back,
        ("finds the last good run", FIND_LAST_GOOD),
        ("fetches the last good packages", LAST_GOOD),
        ("deploys them on failure", CODE),
        ("runs the smoke test on failure", SMOKE),
    )
    yield from _good(back, environment)
    jobs = {
        name(step.job): step.job for step in steps(pipeline) if step.stage.get("stage") == deploy
    }
    for job, before in (("code", "infrastructure"), ("keep", "code")):
        if job not in jobs or before not in after(jobs[job]):
            yield f"job {job} does not wait for {before}"
    yield from follows(
        _job(pipeline, deploy, "keep", "steps"), ("keeps the packages", runs(r"keep\.sh"))
    )


def _good(back: list[Step], environment: str) -> Iterator[str]:
    for step in back:
        inputs, env = step.node.get("inputs") or {}, step.node.get("env") or {}
        if FIND_LAST_GOOD(step) and env.get("ENVIRONMENT") != environment:
            yield f"a failure looks for the last good run of {env.get('ENVIRONMENT')}"
        # `latest` asks for runs with a result: one that waits for an approval has none.
        if LAST_GOOD(step) and (inputs.get("runVersion"), inputs.get("runId")) != (
            "specific",
            "$(lastGoodRun)",
        ):
            yield f"a failure brings back the packages of run {inputs.get('runId')}"
        if CODE(step) and "/last-good/" not in str(inputs.get("package")):
            yield f"a failure deploys {inputs.get('package')} again"


def rolling_back(pipeline: Node) -> Iterator[str]:
    """roll-back.yml runs by hand only, and deploys and tests as the other does."""
    if pipeline.get("trigger") != "none" or pipeline.get("pr") != "none":
        yield "it must be started by hand only"
    yield from follows(
        _job(pipeline, "roll_back", "code", "deploy"),
        ("fetches the packages", LAST_GOOD),
        ("deploys them", CODE),
        ("runs the smoke test", SMOKE),
    )
