"""Functions stay short enough to be read at a glance."""

from tests.function_lengths import Summary, every_length, lengths, summary

SOURCE = '''
def short(value):
    """Two lines of a docstring

    do not count."""
    return value


class Holder:
    @property
    async def outer(self):
        def inner():
            return 1

        return inner
'''


def test_functions_are_short() -> None:
    whole = summary(every_length())
    assert whole.median <= 6
    assert whole.p90 <= 20


def test_no_function_is_longer_than_40_lines() -> None:
    assert [one for one in every_length() if one.lines > 40] == []


def test_a_length_is_without_docstring_and_decorators() -> None:
    found = {one.name: (one.place, one.lines) for one in lengths(SOURCE, "a.py")}
    assert found == {"short": ("a.py:2", 2), "outer": ("a.py:11", 5), "inner": ("a.py:12", 2)}


def test_every_package_is_measured() -> None:
    files = {one.place.partition(":")[0] for one in every_length()}
    assert {file.partition("/")[0] for file in files} == {
        "shared", "functions", "training", "infra",
    }  # fmt: skip
    assert not any("node_modules" in file for file in files)


def test_a_summary_has_the_median_and_the_90th_percentile() -> None:
    every = list(lengths("".join(f"def f{n}():{'\n    pass' * n}\n" for n in range(1, 100)), "a"))
    assert [one.lines for one in every] == list(range(2, 101))
    assert summary(every) == Summary(median=51, p90=91, longest=100)
