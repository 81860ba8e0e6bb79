"""A template with one module compiled anew is the template that compiling everything gives."""

from dataclasses import replace
from typing import Any

import pytest

from infra.checks import bicep
from infra.checks.bicep import bench
from infra.checks.compiler import ROOT, Compiled
from infra.checks.deployment import Templates
from infra.checks.splice import spliced

pytestmark = pytest.mark.compiler

MAIN = "infra/main.bicep"
COSMOS = "infra/modules/cosmos.bicep"
HOST_STORAGE = "infra/modules/hoststorage.bicep"


@pytest.fixture(scope="module")
def whole() -> Templates:
    return bicep.whole()


def both(whole: Templates, file: str, old: str, new: str) -> tuple[Compiled | None, Compiled]:
    """Spliced, and compiled as a whole, after a change of one file."""
    text = (ROOT / file).read_text(encoding="utf-8")
    assert old in text
    with bench({file: text.replace(old, new, 1)}) as on:
        return spliced(on.compiler, on.folder, whole, file), on.compiler.compile(on.folder / MAIN)


def plain(part: Any) -> Any:
    """A template but for the hashes of the texts it was made from."""
    if isinstance(part, dict):
        return {name: plain(one) for name, one in part.items() if name != "templateHash"}
    return [plain(one) for one in part] if isinstance(part, list) else part


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (COSMOS, "minimalTlsVersion: 'Tls12'", "minimalTlsVersion: 'Tls'"),
        (HOST_STORAGE, "allowSharedKeyAccess: false", "allowSharedKeyAccess: true"),  # three times
    ],
)
def test_a_change_inside_a_module_gives_the_template_of_the_whole(
    whole: Templates, file: str, old: str, new: str
) -> None:
    alone, together = both(whole, file, old, new)
    assert alone is not None
    assert plain(alone.template) == plain(together.template) != plain(whole.compiled.template)
    assert alone.diagnostics == together.diagnostics == ()


def test_what_is_said_of_a_module_is_what_is_said_of_the_whole(whole: Templates) -> None:
    alone, together = both(whole, COSMOS, "minimalTlsVersion: 'Tls12'", "minimalTlsVersion: 12")
    assert alone is not None
    assert alone.diagnostics == together.diagnostics != ()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (COSMOS, "param alertsKeptDays int", "param alertsKept int"),
        (COSMOS, "param alertsKeptDays int", "param alertsKeptDays string"),
        (COSMOS, "var day = 86400", "no Bicep at all"),
        ("infra/modules/types.bicep", "type tagsType", "type labelsType"),
        (MAIN, "// Sheriff in", "// All of Sheriff in"),
    ],
)
def test_a_change_that_is_seen_outside_of_a_module_needs_the_whole(
    whole: Templates, file: str, old: str, new: str
) -> None:
    alone, _ = both(whole, file, old, new)
    assert alone is None


def test_where_the_whole_has_faults_of_its_own_it_is_compiled_anew(whole: Templates) -> None:
    faulty = replace(whole, compiled=replace(whole.compiled, diagnostics=("a fault",)))
    alone, _ = both(faulty, COSMOS, "minimalTlsVersion: 'Tls12'", "minimalTlsVersion: 'Tls'")
    assert alone is None
