"""The checks of the templates are broken into: each fault that is put there must be found."""

import os
import secrets

import pytest

from infra.checks.bicep import FAILED, Overlay, problems
from infra.checks.mutants import Mutant, caught, figures, generated, listed

EACH = 1
"""Mutants of every operator."""


@pytest.mark.compiler
def test_every_fault_of_policy_is_caught_and_nine_in_ten_of_all() -> None:
    seed = int(os.environ.get("SHERIFF_MUTATION_SEED", secrets.randbelow(1_000_000)))
    found = figures([*listed(), *generated(seed, EACH)], problems)
    said = f"SHERIFF_MUTATION_SEED={seed}: {found}; {[one.name for one in found.survivors]}"
    print(said)
    tried = found.policies + found.slips
    assert tried >= 150
    assert not [one.name for one in found.survivors if one.policy], said
    assert len(found.survivors) <= tried / 10, said


def test_a_seed_makes_the_same_mutants_again() -> None:
    assert [one.name for one in generated(7, 3)] == [one.name for one in generated(7, 3)]
    assert [one.name for one in generated(7, 3)] != [one.name for one in generated(8, 3)]


def test_every_listed_fault_has_a_name_of_its_own() -> None:
    names = [one.name for one in listed()]
    assert len(set(names)) == len(names)


def test_a_mutant_that_changes_nothing_is_no_mutant() -> None:
    nothing = Mutant("nothing", "infra/main.bicep", lambda text: text, policy=True)
    with pytest.raises(ValueError, match="changes nothing"):
        caught(nothing, problems)


def test_a_mutant_that_nobody_looks_for_survives() -> None:
    harmless = Mutant("harmless", "infra/main.bicep", lambda text: text + "\n", policy=False)
    assert caught(harmless, lambda overlay: []) is None


def test_a_check_that_fails_itself_has_not_caught_a_fault_of_policy() -> None:
    def broken(overlay: Overlay) -> list[str]:
        return [f"{FAILED}KeyError('properties')"]

    file = "infra/main.bicep"
    tried = [
        Mutant(str(policy), file, lambda text: text + "\n", policy) for policy in (True, False)
    ]
    assert [one.name for one in figures(tried, broken).survivors] == ["True"]
