"""Faults put into the pipelines on purpose, to see that their checks find them."""

from __future__ import annotations

import re
from collections.abc import Callable

from infra.checks.mutants import Mutant

MAIN = "azure-pipelines.yml"
VALIDATE = "infra/pipelines/validate.yml"
PACKAGE = "infra/pipelines/package.yml"
ENVIRONMENT = "infra/pipelines/environment.yml"
MODEL = "infra/pipelines/promote-model.yml"
ROLL_BACK = "infra/pipelines/roll-back.yml"
WHAT_IF = "infra/pipelines/steps/what-if.yml"
INFRASTRUCTURE = "infra/pipelines/steps/infrastructure.yml"
LAST_GOOD = "infra/pipelines/steps/last-good.yml"
CODE = "infra/pipelines/steps/code.yml"
SMOKE = "infra/pipelines/steps/smoke.yml"
KEEP = "infra/pipelines/keep.sh"
BICEP = "infra/pipelines/bicep.sh"


def replaced(old: str, new: str, count: int = 1) -> Callable[[str], str]:
    """Put ``new`` in the place of ``old``, the first ``count`` times."""
    return lambda text: text.replace(old, new, count)


def without(pattern: str) -> Callable[[str], str]:
    """Leave out the first thing that a pattern matches, over lines."""
    return lambda text: re.sub(pattern, "", text, count=1, flags=re.MULTILINE | re.DOTALL)


def gone(_: str) -> str:
    """The whole file."""
    return ""


_MAIN_ONLY = "and(succeeded(), eq(variables['Build.SourceBranch'], 'refs/heads/main'))"
_STEP = r"^ *- template: {0}\n *parameters:\n(?: +\w+: [^\n]*\n)+"


def without_step(template: str) -> Callable[[str], str]:
    """Leave out the first inclusion of a template of steps."""
    return without(_STEP.format(re.escape(template)))


POLICY = [
    Mutant("no what-if before production", ENVIRONMENT, without_step("steps/what-if.yml"), True),
    Mutant("what-if is asked and not judged", WHAT_IF,
           without(r"^ *python3 infra/pipelines/what_if.py[^\n]*\n"), True),
    Mutant("what-if's verdict is ignored", WHAT_IF,
           replaced('--accept "$ACCEPTED"', '--accept "$ACCEPTED" || true'), True),
    Mutant("no smoke test", ENVIRONMENT, without_step("steps/smoke.yml"), True),
    Mutant("the smoke test may fail", SMOKE,
           replaced("    displayName: Smoke test\n", "    displayName: Smoke test\n    continueOnError: true\n"), True),
    Mutant("the smoke test does not ask for the release", SMOKE,
           replaced(' --expect-version "$release"', ""), True),
    Mutant("no rollback on failure", ENVIRONMENT, without(r"^            on:\n.*?(?=^      - job: keep)"), True),
    Mutant("a rollback deploys the new packages again", ENVIRONMENT,
           replaced("$(Pipeline.Workspace)/last-good", "$(Pipeline.Workspace)/packages"), True),
    Mutant("a rollback takes another environment's packages", LAST_GOOD,
           replaced("ENVIRONMENT: ${{ parameters.environment }}", "ENVIRONMENT: dev"), True),
    Mutant("a rollback takes the latest run that has a result", LAST_GOOD,
           replaced("runVersion: specific", "runVersion: latest"), True),
    Mutant("a rollback takes some other run", LAST_GOOD,
           replaced("$(lastGoodRun)", "$(Build.BuildId)"), True),
    Mutant("a rollback does not look for the last good run", LAST_GOOD,
           without(r"^  - bash: infra/pipelines/last-good.*?(?=^  - task)"), True),
    Mutant("a run that waits keeps later commits from starting", MAIN,
           replaced("trigger:\n", "trigger:\n  batch: true\n"), True),
    Mutant("a trigger that does nothing here", MAIN,
           replaced("parameters:\n", "pr:\n  branches:\n    include: [main]\n\nparameters:\n"), True),
    Mutant("production is named before it is there", MAIN,
           replaced("eq(parameters.lastEnvironment, 'prod')", "in(parameters.lastEnvironment, 'dev', 'prod')"), True),
    Mutant("test is named before it is there", MAIN,
           replaced("in(parameters.lastEnvironment, 'test', 'prod')", "in(parameters.lastEnvironment, 'dev', 'test', 'prod')"), True),
    Mutant("test is deployed to on no way", MAIN,
           replaced("in(parameters.lastEnvironment, 'test', 'prod')", "eq(parameters.lastEnvironment, 'prod')"), True),
    Mutant("az brings a compiler of its own", "infra/pipelines/templates.sh",
           replaced('"$bicep" build infra/main.bicep', "az bicep build --file infra/main.bicep"), True),
    Mutant("a deployment compiles with az's compiler", INFRASTRUCTURE,
           replaced('--template-file "$TEMPLATES/main.json" --parameters "@$TEMPLATES/parameters.json"',
                    "--parameters infra/environments/prod.bicepparam"), True),
    Mutant("an agent inside the network fetches the compiler", "infra/pipelines/templates.sh",
           replaced("compiler.sh)", "compiler.sh --fetch)"), True),
    Mutant("whatever compiler is there is used", "infra/pipelines/compiler.sh",
           replaced("sha256sum --check --status", "cat"), True),
    Mutant("a deployment throttles what auto-inflate has raised", "infra/pipelines/templates.sh",
           without(r'^export SHERIFF_THROUGHPUT_UNITS[^\n]*\n'), True),
    Mutant("the budget's start is nobody's to give", "infra/pipelines/bootstrap.sh",
           lambda text: text.replace("SHERIFF_BUDGET_START", "SHERIFF_BUDGET"), True),
    Mutant("snapshots are held against another deployment", BICEP,
           replaced(" --deployment-name sheriff", ""), True),
    Mutant("nobody is told what a change does in Azure", VALIDATE,
           replaced("infra/pipelines/changes.sh", "echo infra/pipelines/changes.sh"), True),
    Mutant("what a change does is not published", VALIDATE,
           without(r"^          - publish: [^\n]*/snapshots\n.*\Z"), True),
    Mutant("the compiler is not handed on", VALIDATE,
           without(r"^          - publish: [^\n]*/compiler\n.*?(?=^      - job: tests)"), True),
    Mutant("no approval: a plain job deploys", ENVIRONMENT,
           lambda text: re.sub(
               r"      - deployment: infrastructure(\n.*?)        strategy:\n          runOnce:\n"
               r"            deploy:\n              steps:\n",
               r"      - job: infrastructure\1        steps:\n", text, count=1, flags=re.DOTALL,
           ).replace("        environment: sheriff-${{ parameters.environment }}\n", "", 1), True),
    Mutant("no environment, so no approval", ENVIRONMENT,
           without(r"^        environment: sheriff-[^\n]*\n"), True),
    Mutant("production's work under another environment's approval", ENVIRONMENT,
           replaced("        environment: sheriff-${{ parameters.environment }}\n        timeout", "        environment: sheriff-dev\n        timeout"), True),
    Mutant("a model is promoted without its own approval", MODEL,
           without(r"^        environment: sheriff-model-[^\n]*\n"), True),
    Mutant("any branch deploys", ENVIRONMENT,
           lambda text: text.replace(_MAIN_ONLY, "succeeded()"), True),
    Mutant("a failed stage is passed over", ENVIRONMENT,
           replaced("and(succeeded(), ", "and(always(), "), True),
    Mutant("any branch rolls back", ROLL_BACK, replaced(_MAIN_ONLY, "succeeded()"), True),
    Mutant("two runs deploy at once", ENVIRONMENT, without(r"^    lockBehavior: sequential\n"), True),
    Mutant("production does not wait for the test environment", MAIN,
           replaced("after: deploy_test", "after: package"), True),
    Mutant("packages are built without the tests", MAIN, replaced("after: validate", "after: package"), True),
    Mutant("every branch starts it", MAIN, replaced("include: [main]", "include: ['*']"), True),
    Mutant("a key in the text", SMOKE, replaced("      RESOURCE_GROUP:",
           "      COSMOS_KEY: C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==\n      RESOURCE_GROUP:"), True),
    Mutant("a step that takes itself for a machine of one's own", SMOKE, replaced(
           "      RESOURCE_GROUP:", "      SHERIFF_LOCAL: on\n      RESOURCE_GROUP:"), True),
    Mutant("a script that does", KEEP, lambda text: text + "export SHERIFF_LOCAL=on\n", True),
    Mutant("a password in a variable", MAIN,
           replaced("pool:\n", "variables:\n  - name: registryPassword\n    value: hunter2\n\npool:\n"), True),
    Mutant("a fixed service connection", CODE,
           replaced("azureSubscription: sheriff-${{ parameters.environment }}", "azureSubscription: sheriff-prod"), True),
    Mutant("another environment's resource group", INFRASTRUCTURE,
           replaced("rg-sheriff-${{ parameters.environment }}", "rg-sheriff-prod"), True),
    Mutant("another environment's variables", ENVIRONMENT,
           replaced("group: sheriff-${{ parameters.environment }}", "group: sheriff-prod"), True),
    Mutant("the token in the environment", SMOKE,
           replaced("      keepAzSessionActive: true", "      addSpnToEnvironment: true"), True),
    Mutant("what a person types becomes part of a script", "infra/pipelines/steps/promote.yml",
           replaced('"$MODEL_VERSION"', "${{ parameters.modelVersion }}"), True),
    Mutant("make test is left out", VALIDATE, replaced("- bash: make test", "- bash: make check"), True),
    Mutant("nobody looks at what is taken from others", VALIDATE, replaced("- bash: make audit", "- bash: make check"), True),
    Mutant("the tests run on some days", VALIDATE,
           replaced("            displayName: make test\n            env:",
                    "            displayName: make test\n            condition: eq(variables['Full'], 'yes')\n            env:"), True),
    Mutant("the Bicep is not compiled", VALIDATE, replaced("infra/pipelines/bicep.sh", "echo done"), True),
    Mutant("the Bicep is not linted", BICEP, without(r'^"\$bicep" lint[^\n]*\n'), True),
    Mutant("the zips are not inspected", PACKAGE,
           replaced('-m infra.checks.package "$PACKAGES/scorer.zip" "$PACKAGES/trainer.zip"', "-V"), True),
    Mutant("templates deploy in complete mode, which deletes", INFRASTRUCTURE,
           replaced("--mode Incremental", "--mode Complete"), True),
    Mutant("the token among a process's arguments", KEEP,
           replaced('<<< "header = \\"Authorization: Bearer $SYSTEM_ACCESSTOKEN\\""',
                    '--header "Authorization: Bearer $SYSTEM_ACCESSTOKEN"'), True),
    Mutant("packages are built again for production", ENVIRONMENT,
           replaced("                - template: steps/code.yml",
                    "                - bash: .venv/bin/python -m infra.package --out build\n                - template: steps/code.yml"), True),
]  # fmt: skip

SLIPS = [
    Mutant("a misspelt input", CODE, replaced("package:", "pakage:"), False),
    Mutant("an unknown task", CODE, replaced("AzureFunctionApp@2", "AzureFunctionsApp@2"), False),
    Mutant("a task's version that there is not", WHAT_IF, replaced("AzureCLI@2", "AzureCLI@9"), False),
    Mutant("a value that an input does not take", VALIDATE, replaced("JUnit", "PyTest"), False),
    Mutant("a required input is missing", WHAT_IF, without(r"^      scriptType: bash\n"), False),
    Mutant("an unknown key of a stage", ENVIRONMENT, replaced("lockBehavior", "lockBehaviour"), False),
    Mutant("an unknown strategy", ENVIRONMENT, replaced("runOnce", "runTwice"), False),
    Mutant("a parameter that is not declared", ENVIRONMENT,
           replaced("environment: ${{ parameters.environment }}\n              acceptedChanges:",
                    "environment: ${{ parameters.environment }}\n              acceptedChange:"), False),
    Mutant("a parameter that is not passed", MAIN, replaced("      environment: dev\n", ""), False),
    Mutant("a value that a parameter does not take", MAIN, replaced("environment: test", "environment: staging"), False),
    Mutant("a template that there is not", MAIN, replaced("pipelines/package.yml", "pipelines/packages.yml"), False),
    Mutant("a template's file is gone", SMOKE, gone, False),
    Mutant("a misspelt parameter in an expression", CODE,
           replaced("${{ parameters.packages }}", "${{ parameters.package }}"), False),
    Mutant("an unknown function in a condition", ENVIRONMENT, replaced("and(succeeded()", "und(succeeded()"), False),
    Mutant("a condition that is not closed", ENVIRONMENT, replaced("'refs/heads/main'))", "'refs/heads/main')"), False),
    Mutant("a stage waits for one that there is not", ENVIRONMENT,
           replaced("dependsOn: preview_${{", "dependsOn: previews_${{"), False),
    Mutant("a job waits for one that there is not", ENVIRONMENT,
           replaced("dependsOn: infrastructure", "dependsOn: infra"), False),
    Mutant("another Python", SMOKE, replaced("'3.13'", "'3.12'"), False),
    Mutant("not Flex Consumption", CODE, replaced("isFlexConsumption: true", "isFlexConsumption: false"), False),
    *(
        Mutant(f"{method} as the deployment method beside Flex Consumption", CODE,
               replaced("      isFlexConsumption: true\n",
                        f"      isFlexConsumption: true\n      {name}: {method}\n"), True)
        for name, method in (("deploymentMethod", "runFromPackage"), ("deploymentMethod", "auto"),
                             ("DeploymentMethod", "zipDeploy"))
    ),
    Mutant("a runtime beside Flex Consumption", CODE,
           replaced("      isFlexConsumption: true\n",
                    "      isFlexConsumption: true\n      runtimeStack: PYTHON|3.13\n"), True),
    Mutant("the desk gets the trainer's zip", CODE,
           lambda text: text[: text.index("Desk")] + text[text.index("Desk"):].replace("scorer.zip", "trainer.zip", 1), False),
    Mutant("the trainer is forgotten", CODE, without(r"^  - task: AzureFunctionApp@2\n    displayName: Trainer\n.*\Z"), False),
    Mutant("Windows agents", MAIN, replaced("ubuntu-24.04", "windows-2025"), False),
    Mutant("a misspelt image", MAIN, replaced("vmImage", "vmImag"), False),
    Mutant("a variable that a script is not given", SMOKE, without(r"^      TRAINER: [^\n]*\n"), False),
    Mutant("an output that there is not", SMOKE, replaced("$(COSMOS_ENDPOINT)", "$(COSMOS_URL)"), False),
    Mutant("an unquoted variable in a script", WHAT_IF, replaced('--resource-group "$RESOURCE_GROUP"', "--resource-group $RESOURCE_GROUP"), False),
    Mutant("a script that bash cannot read", SMOKE, without(r"^ +done\n"), False),
    Mutant("a script that goes on after a failure", SMOKE, replaced("        set -euo pipefail\n", ""), False),
    Mutant("a misspelt key of the pipeline", MAIN, replaced("name: $(Date:yyyyMMdd)", "nam: $(Date:yyyyMMdd)"), False),
    Mutant("a tab in the YAML", ENVIRONMENT, replaced("    jobs:", "\tjobs:"), False),
    Mutant("the same key twice", PACKAGE, replaced("    jobs:", "    displayName: Twice\n    jobs:"), False),
    Mutant("another time limit", ENVIRONMENT, replaced("timeoutInMinutes: 90", "timeoutInMinutes: 5"), False),
    Mutant("an option that the smoke test does not have", SMOKE, replaced("--deadline", "--dead-line"), False),
]  # fmt: skip

MUTANTS = [*POLICY, *SLIPS]
