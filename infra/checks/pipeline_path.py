"""The way of a commit to production: what happens in every environment, and in which order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from infra.checks.data import ours
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

_TABLE = ours("pipeline_path")


def does(step: Step, what: str) -> bool:
    """Whether a step is of a kind: every pattern of the kind is in the value of its name."""
    said = {**step.node, "script": re.sub(r"\\\n\s*", "", step.script)}
    kind: Mapping[str, str] = _TABLE["kind"][what]
    return all(re.search(pattern, str(said.get(name, ""))) for name, pattern in kind.items())


def _ordered(pipeline: Node, way: str) -> Iterator[str]:
    """The steps of each place are there, each kind after the one before it."""
    for pattern, kinds in _TABLE[way].items():
        for place in sorted({pattern.format(environment=one) for one in ENVIRONMENTS}):
            yield from (f"{place}: {one}" for one in _follows(_at(pipeline, place), kinds))


def _at(pipeline: Node, place: str) -> list[Step]:
    return [one for one in steps(pipeline) if one.place == place]


def _follows(found: Sequence[Step], kinds: Sequence[str]) -> Iterator[str]:
    start = 0
    for what in kinds:
        places = [number for number, step in enumerate(found) if does(step, what)]
        if not places:
            yield f"there is no step that {what}"
        elif places[0] < start:
            yield f"the step that {what} comes too early"
        else:
            start = places[-1] + 1


def to_production(pipeline: Node) -> Iterator[str]:
    """Everything about azure-pipelines.yml that its other rules do not say."""
    stages = {str(stage.get("stage")): stage for stage in pipeline.get("stages") or []}
    yield from _triggers(pipeline)
    yield from _in_order(stages)
    yield from _ordered(pipeline, "to_production")
    yield from _once(pipeline)
    yield from _audit(stages)
    for environment in ENVIRONMENTS:
        yield from (f"{environment}: {one}" for one in _environment(pipeline, environment))


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


def _once(pipeline: Node) -> Iterator[str]:
    """Checks are made always, and packages are built once."""
    checks = ("runs make test", "compiles the Bicep", "inspects the zips")
    for step in steps(pipeline):
        if "condition" in step.node and any(does(step, what) for what in checks):
            yield f"{step.place}: a check is conditional"
    builds = [step.place for step in steps(pipeline) if does(step, "builds the zips")]
    if len(builds) != 1:
        yield f"packages are built in {builds}, not once"


def _audit(stages: Mapping[str, Any]) -> Iterator[str]:
    """Nothing waits for the audit: it finds what came out today, and a deployment may mend it."""
    for then in stages:
        if waits_for(stages, "audit", then):
            yield f"{then}: an advisory would stop the deployment of its own mending"


def _environment(pipeline: Node, environment: str) -> Iterator[str]:
    if any(changes_azure(step) for step in _at(pipeline, f"preview_{environment}.what_if.steps")):
        yield "the preview changes something"
    deploy = f"deploy_{environment}"
    yield from _good(_at(pipeline, f"{deploy}.code.failure"), environment)
    jobs = {
        name(step.job): step.job for step in steps(pipeline) if step.stage.get("stage") == deploy
    }
    for job, before in (("code", "infrastructure"), ("keep", "code")):
        if job not in jobs or before not in after(jobs[job]):
            yield f"job {job} does not wait for {before}"


def _good(back: list[Step], environment: str) -> Iterator[str]:
    for step in back:
        inputs, env = step.node.get("inputs") or {}, step.node.get("env") or {}
        if does(step, "finds the last good run") and env.get("ENVIRONMENT") != environment:
            yield f"a failure looks for the last good run of {env.get('ENVIRONMENT')}"
        # `latest` asks for runs with a result: one that waits for an approval has none.
        chosen = (inputs.get("runVersion"), inputs.get("runId"))
        fetches = does(step, "fetches the last good packages")
        if fetches and chosen != ("specific", "$(lastGoodRun)"):
            yield f"a failure brings back the packages of run {inputs.get('runId')}"
        if does(step, "deploys packages") and "/last-good/" not in str(inputs.get("package")):
            yield f"a failure deploys {inputs.get('package')} again"


def rolling_back(pipeline: Node) -> Iterator[str]:
    """roll-back.yml runs by hand only, and deploys and tests as the other does."""
    if pipeline.get("trigger") != "none" or pipeline.get("pr") != "none":
        yield "it must be started by hand only"
    yield from _ordered(pipeline, "rolling_back")
