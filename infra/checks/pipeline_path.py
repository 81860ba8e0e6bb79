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
WHAT_IF = runs(
    r"az deployment group what-if .*--no-pretty-print.* > \"\$ANSWER\"\n.*what_if\.py \"\$ANSWER\""
)
INFRASTRUCTURE = runs(r"az deployment group create .*--mode Incremental")
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


def _triggers(pipeline: Node) -> Iterator[str]:
    for word in ("trigger", "pr"):
        found = pipeline.get(word)
        branches = found.get("branches", {}).get("include") if isinstance(found, dict) else found
        if branches != ["main"]:
            yield f"{word}: expected main alone, found {branches}"


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
    yield from follows(_job(pipeline, "validate", "bicep", "steps"), ("compiles the Bicep", BICEP))
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
    yield from follows(preview, ("asks what-if", WHAT_IF))
    if any(changes_azure(step) for step in preview):
        yield "the preview changes something"
    infrastructure = _job(pipeline, deploy, "infrastructure", "deploy")
    yield from follows(
        infrastructure, ("asks what-if again", WHAT_IF), ("deploys the templates", INFRASTRUCTURE)
    )
    done = _job(pipeline, deploy, "code", "deploy")
    yield from follows(
        done,
        ("downloads the packages", lambda step: step.node.get("download") == "current"),
        ("deploys the code", CODE),
        ("runs the smoke test", SMOKE),
    )
    back = _job(pipeline, deploy, "code", "failure")
    yield from follows(
        back,
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
        inputs = step.node.get("inputs") or {}
        if LAST_GOOD(step) and inputs.get("tags") != f"good-{environment}":
            yield f"a failure brings back the packages tagged {inputs.get('tags')}"
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
