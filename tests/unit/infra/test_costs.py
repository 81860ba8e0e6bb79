"""The tables of needs and costs: published as they are printed, and readable in a terminal."""

from pathlib import Path

import pytest

from infra.costs import RATES, environment_table, main, table

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"
DEPLOY = Path(__file__).parents[3] / "docs" / "deploy.md"


@pytest.mark.parametrize("window", [0.0, 1.0])
def test_the_published_tables_are_what_it_prints(window: float) -> None:
    assert "\n".join(table(RATES, window)) in OPERATIONS.read_text(encoding="utf-8")


def test_the_guide_has_the_month_of_each_environment_as_it_is_printed() -> None:
    assert "\n".join(environment_table()) in DEPLOY.read_text(encoding="utf-8")


def test_environments_are_shown_in_a_terminal_of_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    main(["--environments"])
    shown = capsys.readouterr().out
    for row in environment_table()[2:]:
        for cell in row.strip("| ").split(" | "):
            assert cell in shown
    assert "US dollars a month" in shown
    main(["--environments", "--markdown"])
    assert capsys.readouterr().out.splitlines() == environment_table()


def test_markdown_is_printed_only_where_it_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["--orders", "7,70", "--window", "2", "--markdown"])
    assert capsys.readouterr().out.splitlines() == table([7, 70], 2)
    main(["--orders", "7,70", "--window", "2"])
    assert "|" not in capsys.readouterr().out


def test_a_terminal_of_80_columns_shows_every_figure_with_its_unit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    main([])
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    for cell in {cell for row in table(RATES, 0)[2:] for cell in row.strip("| ").split(" | ")}:
        assert cell in shown
    for unit in ("US dollars a month", "a million", "RU/s", "orders/s"):
        assert unit in shown


@pytest.mark.parametrize(
    "words",
    [
        *(["--orders", rates] for rates in ("0", "-1", "nan", "inf", "x", "1,,2", "1e-320", "1e9")),
        *(["--window", seconds] for seconds in ("-1", "nan", "inf", "x")),
    ],
)
def test_a_figure_that_means_nothing_is_refused_by_name(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert f"argument {words[0]}: {words[1]}: expected" in capsys.readouterr().err
