"""The checks of the templates are broken into: each fault that is put there must be found."""

import os
import secrets

import pytest

from infra.checks.bicep import problems
from infra.checks.generated_mutants import generated
from infra.checks.listed_mutants import listed
from infra.checks.mutants import Mutant, caught

EACH = 6
"""Mutants of every operator."""


def test_every_fault_of_policy_is_caught_and_nine_in_ten_of_all() -> None:
    seed = int(os.environ.get("SHERIFF_MUTATION_SEED", secrets.randbelow(1_000_000)))
    mutants = [*listed(), *generated(seed, EACH)]
    survivors = [mutant for mutant in mutants if caught(mutant, problems) is None]
    said = (
        f"SHERIFF_MUTATION_SEED={seed}: {len(mutants) - len(survivors)} of {len(mutants)} mutants "
        f"caught; survivors: {[mutant.name for mutant in survivors]}"
    )
    print(said)
    assert len(mutants) >= 150
    assert not [mutant.name for mutant in survivors if mutant.policy], said
    assert len(survivors) <= len(mutants) / 10, said


def test_a_seed_makes_the_same_mutants_again() -> None:
    assert [one.name for one in generated(7, 3)] == [one.name for one in generated(7, 3)]
    assert [one.name for one in generated(7, 3)] != [one.name for one in generated(8, 3)]


def test_a_mutant_that_changes_nothing_is_no_mutant() -> None:
    nothing = Mutant("nothing", "infra/main.bicep", lambda text: text, policy=True)
    with pytest.raises(ValueError, match="changes nothing"):
        caught(nothing, problems)


def test_a_mutant_that_nobody_looks_for_survives() -> None:
    harmless = Mutant("harmless", "infra/main.bicep", lambda text: text + "\n", policy=False)
    assert caught(harmless, problems) is None
