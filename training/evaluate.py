"""`python -m training.evaluate`: how well frauds are found on every scenario."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from shared.policy import Policy, parse_policy
from training.command_files import replacing
from training.comparison.intervals import LEVEL, RESAMPLES
from training.console import COUNT, PARTITIONS, SEED, ArgumentParser, run
from training.evaluation.scorecard import ScenarioReport, report
from training.evaluation.tables import show_overview, show_scenario
from training.evaluation.trials import Sizes, run_trial
from training.simulation.scenarios import NAMES, make_scenarios


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The document that ``--json`` writes; `ScenarioReport` says what its figures mean."""

    sizes: Sizes
    policy_version: str
    alert_probability: float
    scenarios: tuple[ScenarioReport, ...]
    resamples: int = RESAMPLES
    confidence: float = LEVEL
    schema_version: int = 1


def evaluate(names: Sequence[str], sizes: Sizes, policy: Policy) -> Evaluation:
    """Evaluate scenarios one by one, and print each as it is done.

    Raises:
        ConfigurationError: a size is out of its range.
    """
    reports = []
    for scenario in make_scenarios(names, sizes.history, sizes.orders, sizes.seed):
        reports.append(report(run_trial(scenario, sizes, policy), policy, sizes.seed))
        show_scenario(reports[-1])
    return Evaluation(sizes, policy.version, policy.alert_probability, tuple(reports))


def write_json(path: Path, evaluation: Evaluation) -> None:
    """Write the evaluation as JSON."""
    with replacing(path) as file:
        file.write(msgspec.json.format(msgspec.json.encode(evaluation), indent=2) + b"\n")


def _parser() -> ArgumentParser:
    flags = ArgumentParser(
        prog="training.evaluate",
        description="Learn from simulated orders without labels, score later ones of the same "
        "business, and compare with what was injected. The same flags give the same figures.",
    )
    flags.add_argument(
        "--scenario", nargs="+", choices=NAMES, default=NAMES, metavar="NAME",
        help=f"of {', '.join(NAMES)} (default: all)",
    )  # fmt: skip
    flags.add_argument(
        "--history", type=COUNT, default=60_000, help="orders to learn from (%(default)s)"
    )
    flags.add_argument("--orders", type=COUNT, default=20_000, help="orders to judge (%(default)s)")
    flags.add_argument(
        "--seed", type=SEED, default=1, help="seed of all random draws (%(default)s)"
    )
    flags.add_argument(
        "--partitions", type=PARTITIONS, default=4, help="partitions of the hub (%(default)s)"
    )
    flags.reads("--policy", help="JSON (default: packaged)")
    flags.writes("--json", help="write all figures to this file")
    return flags


def main(arguments: list[str] | None = None) -> None:
    """Evaluate, show, and perhaps write.

    Raises:
        ConfigurationError: a size is out of its range, or the policy cannot be used.
    """
    options = _parser().parse(arguments)
    policy = Policy() if options.policy is None else parse_policy(options.policy.read_bytes())
    sizes = Sizes(options.history, options.orders, options.seed, options.partitions)
    evaluation = evaluate(options.scenario, sizes, policy)
    show_overview(evaluation.scenarios)
    if options.json is not None:
        write_json(options.json, evaluation)


if __name__ == "__main__":
    run(main)
