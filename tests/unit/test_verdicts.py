"""A verdict says something of the code: nothing of how busy the machine is, nor of luck."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import hypothesis

ROOT = Path(__file__).parents[2]
TESTS = [
    file
    for file in sorted((ROOT / "tests").rglob("*.py"))
    if not file.is_relative_to(ROOT / "tests" / "bench")
]
CLOCKS = {"monotonic", "perf_counter", "process_time", "time", "monotonic_ns", "perf_counter_ns"}
WAITS = {"wait_for": 1, "timeout": 0, "timeout_at": 0}
"""Where a call's time-out stands among its arguments."""


def test_property_tests_have_no_deadline_and_the_same_examples_everywhere() -> None:
    assert hypothesis.settings().deadline is None
    assert hypothesis.settings().derandomize
    assert hypothesis.HealthCheck.too_slow in hypothesis.settings().suppress_health_check


def test_the_time_out_of_pytest_is_a_watchdog() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert pyproject["tool"]["pytest"]["ini_options"]["timeout"] == 15 * 60


def test_no_test_waits_for_less_than_patience() -> None:
    assert [place for file in TESTS for place in short_waits(file.read_text("utf-8"), file)] == []


def test_no_test_asserts_what_a_clock_says() -> None:
    assert [place for file in TESTS for place in timed(file.read_text("utf-8"), file)] == []


def test_every_test_asserts_something() -> None:
    assert [place for file in TESTS for place in empty(file.read_text("utf-8"), file)] == []


def test_what_is_forbidden_would_be_found() -> None:
    here = Path("a.py")
    assert list(short_waits("await asyncio.wait_for(done, 20)", here)) == ["a.py:1"]
    assert list(short_waits("subprocess.run(words, timeout=60)", here)) == ["a.py:1"]
    assert list(short_waits("@pytest.mark.timeout(5)\ndef f(): ...", here)) == ["a.py:1"]
    assert list(short_waits("@settings(deadline=200)\ndef f(): ...", here)) == ["a.py:1"]
    assert list(short_waits("asyncio.wait_for(done, PATIENCE)", here)) == []
    assert list(short_waits("settings(deadline=None)", here)) == []
    assert list(timed("assert time.monotonic() - began < 10", here)) == ["a.py:1"]
    assert list(timed("assert time.monotonic() < deadline, text", here)) == []
    assert list(empty("def test_f(): f()", here)) == ["a.py:1"]
    assert list(empty("def test_f():\n    with pytest.raises(E): f()", here)) == []
    assert list(empty("def f(): assert g()\ndef test_f(): f()", here)) == []


def short_waits(source: str, file: Path) -> Iterator[str]:
    """Calls whose time-out is a number of their own, which a busy machine may reach."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        named = {"timeout", "deadline"} if _name(node.func) == "settings" else {"timeout"}
        times = [one.value for one in node.keywords if one.arg in named]
        at = WAITS.get(_name(node.func), len(node.args))
        if any(_is_number(one) for one in [*times, *node.args[at : at + 1]]):
            yield f"{file.name}:{node.lineno}"


def timed(source: str, file: Path) -> Iterator[str]:
    """Assertions on a clock, but for the end of somebody's patience."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert) and not _is_patience(node.test):
            calls = [one for one in ast.walk(node.test) if isinstance(one, ast.Call)]
            if any(_name(call.func) in CLOCKS and not call.args for call in calls):
                yield f"{file.name}:{node.lineno}"


def empty(source: str, file: Path) -> Iterator[str]:
    """Yield the tests that assert nothing, neither themselves nor by a function of their file."""
    functions = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    calls = {function.name: _calls(function) for function in functions}
    asserting = {"assert", "raises"}
    while more_asserting := {name for name in calls.keys() - asserting if calls[name] & asserting}:
        asserting |= more_asserting  # a function that calls an asserting one asserts, too
    for function in functions:
        if function.name.startswith("test_") and function.name not in asserting:
            yield f"{file.name}:{function.lineno}"


def _calls(function: ast.AST) -> set[str]:
    """Return the names that a function calls, and `assert` if it has such a statement."""
    nodes = list(ast.walk(function))
    names = {_name(node.func) for node in nodes if isinstance(node, ast.Call)}
    return names | {"assert" for node in nodes if isinstance(node, ast.Assert)}


def _is_patience(test: ast.expr) -> bool:
    """``clock() < deadline``: what ends a wait for something."""
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Call)
        and isinstance(test.comparators[0], ast.Name)
        and test.comparators[0].id == "deadline"
    )


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _is_number(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, int | float)
