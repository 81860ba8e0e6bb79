"""What must hold of the pipelines, whatever else changes in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.checks.pipeline_model import ExpressionError, read_expression
from infra.pipelines.outputs import NEEDED

ENVIRONMENTS = ("dev", "test", "prod")
APPS = {
    "$(scorerAppName)": "scorer.zip",
    "$(deskAppName)": "scorer.zip",
    "$(trainerAppName)": "trainer.zip",
}
ONLY_MAIN = "and(succeeded(), eq(variables['Build.SourceBranch'], 'refs/heads/main'))"

_PREDEFINED = re.compile(r"^(Agent|Build|Pipeline|System)\.[\w.]+$")
_SET_BY_SCRIPTS = frozenset(("lastGoodRun",))
"""Variables that a script of an earlier step of the same job sets."""

_MACRO = re.compile(r"\$\(([\w.]+)\)")

_NOT_ON_FLEX = frozenset(("deploymentmethod", "runtimestack", "startupcommand", "slotname"))
"""Inputs of the task (in lower case, as it reads them) that belong to other plans: a package on
Flex Consumption is deployed in one way, and its runtime is the template's to name."""

_FETCHES = re.compile(r"\b(?:pip3?|pipx|uv|npm|npx|apt|apt-get)\b|\bmake\b")
"""Commands that fetch packages; every target of our Makefile may."""

type Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """A step and its place: stage, job, and hook (`deploy`, `failure`; a plain job has `steps`)."""

    stage: Node
    job: Node
    hook: str
    node: Node

    @property
    def script(self) -> str:
        """Its shell script, where it has one inline."""
        inputs = self.node.get("inputs") or {}
        return str(
            self.node.get("bash") or self.node.get("script") or inputs.get("inlineScript", "")
        )

    @property
    def connection(self) -> str | None:
        """The service connection it signs in with."""
        found: str | None = (self.node.get("inputs") or {}).get("azureSubscription")
        return found

    @property
    def place(self) -> str:
        """Where it is, for a message."""
        job = self.job.get("job") or self.job.get("deployment")
        return f"{self.stage.get('stage')}.{job}.{self.hook}"


def name(job: Node) -> str:
    """A job's name, of either sort."""
    return str(job.get("job") or job.get("deployment") or "")


def steps(pipeline: Node) -> Iterator[Step]:
    """Every step of a pipeline."""
    for stage in pipeline.get("stages") or []:
        for job in stage.get("jobs") or []:
            for hook, found in hooks(job).items():
                yield from (Step(stage, job, hook, step) for step in found)


def hooks(job: Node) -> dict[str, list[Node]]:
    """The steps of a job by hook; a deployment's `on.failure` is `failure`."""
    if "job" in job:
        return {"steps": job.get("steps") or []}
    strategy = (job.get("strategy") or {}).get("runOnce") or {}
    named = {key: value for key, value in strategy.items() if key != "on"} | (
        strategy.get("on") or {}
    )
    return {hook: (found or {}).get("steps") or [] for hook, found in named.items()}


def after(node: Node) -> list[str]:
    """What a stage or job waits for by its own words."""
    found = node.get("dependsOn")
    return [found] if isinstance(found, str) else list(found or [])


def waits_for(stages: Mapping[str, Node], first: str, then: str) -> bool:
    """Whether stage ``then`` starts only after ``first``, directly or through others."""
    seen, ahead = set(), [then]
    while ahead:
        stage = ahead.pop()
        if stage in seen or stage not in stages:
            continue
        seen.add(stage)
        ahead += after(stages[stage])
    return first in seen and first != then


def order(pipeline: Node) -> Iterator[str]:
    """Names are unique, and what is waited for exists."""
    stages = pipeline.get("stages") or []
    known = [str(stage.get("stage")) for stage in stages]
    yield from (f"two stages are called {one}" for one in {x for x in known if known.count(x) > 1})
    for stage in stages:
        yield from (f"{stage.get('stage')} waits for {one}, which there is not"
                    for one in after(stage) if one not in known)  # fmt: skip
        jobs = [name(job) for job in stage.get("jobs") or []]
        for job in stage.get("jobs") or []:
            yield from (f"{stage.get('stage')}.{name(job)} waits for {one}, which there is not"
                        for one in after(job) if one not in jobs)  # fmt: skip


def conditions(pipeline: Node) -> Iterator[str]:
    """Every condition can be read, and nothing goes on after a failure in silence."""
    for stage in pipeline.get("stages") or []:
        nodes = [stage, *(stage.get("jobs") or [])]
        nodes += [one.node for one in steps({"stages": [stage]})]
        for node in nodes:
            try:
                read_expression(str(node.get("condition", "succeeded()")))
            except ExpressionError as error:
                yield f"{stage.get('stage')}: condition: {error}"
            if str(node.get("continueOnError", False)).lower() != "false":
                yield f"{stage.get('stage')}: continueOnError hides a failure"
            if str(node.get("enabled", True)).lower() != "true":
                yield f"{stage.get('stage')}: a step is switched off"


def pools(pipeline: Node) -> Iterator[str]:
    """Machines are named by a pool or an image, Linux throughout."""
    for node in (pipeline, *(pipeline.get("stages") or [])):
        pool = node.get("pool", {"name": ""})
        if set(pool) not in ({"name"}, {"vmImage"}):
            yield f"pool: expected a name or a vmImage, found {sorted(pool)}"
        if not str(pool.get("vmImage", "ubuntu")).startswith("ubuntu"):
            yield f"pool: {pool['vmImage']} is not Linux, which the packages are for"


def access(pipeline: Node) -> Iterator[str]:
    """Who signs in to Azure does it in one environment, from main, by that one's connection."""
    for stage in pipeline.get("stages") or []:
        connections = {one.connection for one in steps({"stages": [stage]}) if one.connection}
        groups = {one.get("group") for one in stage.get("variables") or []}
        if connections and stage.get("condition") != ONLY_MAIN:
            yield f"{stage.get('stage')} signs in to Azure, and not from main alone"
        if connections and connections != groups:
            yield f"{stage.get('stage')} signs in as {sorted(connections)}, with variables {groups}"
    for step in steps(pipeline):
        inputs, env = step.node.get("inputs") or {}, step.node.get("env") or {}
        if str(inputs.get("addSpnToEnvironment", False)).lower() != "false":
            yield f"{step.place}: the token is put into the environment"
        group = env.get("RESOURCE_GROUP")
        if group and group != f"rg-{step.connection}":
            yield f"{step.place}: {step.connection} works on {group}"
        if "task" in step.node and step.connection is None and _needs_azure(step.node["task"]):
            yield f"{step.place}: {step.node['task']} has no service connection"


def _needs_azure(task: str) -> bool:
    return task.startswith(("Azure", "Bicep"))


def deployments(pipeline: Node) -> Iterator[str]:
    """Jobs that change an environment are deployments to it, one at a time."""
    for stage in pipeline.get("stages") or []:
        for job in stage.get("jobs") or []:
            here = [one for one in steps({"stages": [stage]}) if one.job is job]
            changes = any(changes_azure(one) for one in here)
            where = f"{stage.get('stage')}.{name(job)}"
            if changes and "deployment" not in job:
                yield f"{where} changes an environment, and is no deployment"
            if "deployment" not in job:
                continue
            if stage.get("lockBehavior") != "sequential":
                yield f"{where}: two runs could deploy at once (lockBehavior)"
            expected = {(one.connection or "").removeprefix("sheriff-") for one in here} - {""}
            environment = str(job.get("environment", ""))
            if environment.removeprefix("sheriff-").removeprefix("model-") not in expected:
                yield f"{where} deploys to {sorted(expected)}, its environment is {environment!r}"


def changes_azure(step: Step) -> bool:
    """Whether a step changes anything in Azure."""
    script = re.sub(r"\\\n\s*", "", step.script)
    return str(step.node.get("task", "")).startswith("AzureFunctionApp@") or bool(
        re.search(
            r"az deployment group create|training\.promote|az functionapp .*(deploy|set)", script
        )
    )


def code(pipeline: Node) -> Iterator[str]:
    """The Flex task gets a Linux app and the right zip for every app, all of them each time."""
    deployed: dict[str, list[str]] = {}
    for step in steps(pipeline):
        if not str(step.node.get("task", "")).startswith("AzureFunctionApp@"):
            continue
        inputs = step.node.get("inputs") or {}
        app, package = str(inputs.get("appName")), str(inputs.get("package"))
        deployed.setdefault(step.place, []).append(app)
        if (
            inputs.get("isFlexConsumption") is not True
            or inputs.get("appType") != "functionAppLinux"
        ):
            yield f"{step.place}: {app} is a Linux app on Flex Consumption"
        if chosen := [one for one in inputs if one.lower() in _NOT_ON_FLEX]:
            yield f"{step.place}: {app}: {chosen[0]} is not for Flex Consumption"
        if package.rsplit("/", 1)[-1] != APPS.get(app):
            yield f"{step.place}: {app} gets {package}"
    for place, apps in deployed.items():
        if sorted(apps) != sorted(APPS):
            yield f"{place}: deploys {apps}, not every app once"


def time_limits(pipeline: Node) -> Iterator[str]:
    """A deployment is not cut off half way: an hour, the default, is too short on a slow day."""
    for step in steps(pipeline):
        found = int(step.job.get("timeoutInMinutes", 60))
        if "az deployment group create" in step.script and found < 90:
            yield f"{step.place}: templates have {found} minutes, expected at least 90"
        if str(step.node.get("task", "")).startswith("AzureFunctionApp@") and found < 150:
            yield f"{step.place}: zips have {found} minutes, expected at least 150"


def variables(pipeline: Node) -> Iterator[str]:
    """Macros name what the agent or the deployed templates give."""
    for step in steps(pipeline):
        values = {**(step.node.get("env") or {}), **(step.node.get("inputs") or {})}
        values.pop("inlineScript", None)
        used = {found for value in values.values() for found in _MACRO.findall(str(value))}
        known = {*NEEDED, *_SET_BY_SCRIPTS}
        unknown = [one for one in used if one not in known and not _PREDEFINED.match(one)]
        yield from (f"{step.place}: $({one}) is set nowhere" for one in sorted(unknown))


def own_pools(pipeline: Node, scripts: Mapping[str, str]) -> Iterator[str]:
    """Nothing is fetched where a stage has a pool of its own: its network has no way out.

    Args:
        scripts: texts by path of the scripts that a step may run.
    """
    for step in steps(pipeline):
        pool = step.stage.get("pool") or pipeline.get("pool") or {}
        called = re.findall(r"[\w./-]+\.sh\b", step.script)
        if "name" not in pool or not step.script:
            continue
        for text in (step.script, *(scripts.get(one, "") for one in called)):
            commands = re.sub(r"(?m)^\s*#.*$|--without-pip", "", text)
            for found in _FETCHES.findall(commands):
                yield f"{step.place}: {found} fetches packages, and production has no way out"


def python_version(pipeline: Node, expected: str) -> Iterator[str]:
    """Python is the one that the project names, wherever it is asked for."""
    for step in steps(pipeline):
        if str(step.node.get("task", "")).startswith("UsePythonVersion@"):
            found = (step.node.get("inputs") or {}).get("versionSpec")
            if found != expected:
                yield f"{step.place}: Python {found}, not {expected}"


ALWAYS = (order, conditions, pools, access, deployments, code, time_limits, variables)
"""Rules of every pipeline."""
