"""The arithmetic of a charge, held against listing every choice."""

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared import discounts, subset_sums
from shared.discounts import LARGEST_TOTAL_E4, DiscountTables, Kept, probe_limit, table_limit
from shared.ladder import DiscountShare
from shared.subset_sums import NO_UNITS, Moments, SumTable, Windows
from shared.units import ManyUnits, unit_prices

LADDER = (
    DiscountShare(0, 0.8),
    DiscountShare(100, 0.05),
    DiscountShare(150, 0.05),
    DiscountShare(1000, 0.06),
    DiscountShare(2000, 0.04),
)
OFF_LADDER = (DiscountShare(2000, 0.5), DiscountShare(3300, 0.3), DiscountShare(8000, 0.2))
PERCENTS = (100, 37)
HALF_A_CENT = 50.0

prices = st.sampled_from([342_000, 219_800, 1_200_000, 5_399_900, 35_782_700, 99_999])
baskets = st.lists(prices, min_size=1, max_size=6).map(lambda p: tuple(sorted(p, reverse=True)))


def tables(tolerance_e4: float = 3.0) -> DiscountTables:
    return DiscountTables(LADDER, OFF_LADDER, tolerance_e4)


def choices(units: tuple[int, ...]) -> Iterator[tuple[float, int]]:
    """Probability and discount (e8) of every choice of ladder steps."""
    for steps in itertools.product(LADDER, repeat=len(units)):
        probability = math.prod(step.share for step in steps)
        yield probability, sum(p * s.discount_bp for p, s in zip(units, steps, strict=True))


def by_brute_force(
    units: tuple[int, ...], charged_e4: int, hidden: int, tolerance_e4: float, off: int | None
) -> float:
    """The formula of the module's docstring, read literally."""
    total = 0.0
    rests = [(units, 1.0, 0)]
    if off is not None:
        at = units.index(off)
        rest = units[:at] + units[at + 1 :]
        rests = [(rest, step.share, off * step.discount_bp) for step in OFF_LADDER]
    for rest, share, taken in rests:
        for probability, discount in choices(rest):
            exact = (1 - hidden / 1e4) * (sum(units) * 10_000 - discount - taken) / 10_000
            if abs(exact - charged_e4) <= tolerance_e4:
                total += share * probability
    return total


@st.composite
def charges(draw: st.DrawFn) -> tuple[tuple[int, ...], int]:
    """A basket and a charge that some hypothesis makes, or any other."""
    units = draw(baskets)
    discount = sum(p * draw(st.sampled_from(LADDER)).discount_bp for p in units)
    if draw(st.booleans()):
        discount += draw(st.sampled_from(units)) * draw(st.sampled_from(OFF_LADDER)).discount_bp
    hidden = draw(st.sampled_from([0, 100, 37]))
    charged = (1 - hidden / 1e4) * (sum(units) - discount / 10_000)
    return units, max(round(charged), 0)


@given(charges())
@example(((5_399_900, 342_000), 5_741_900))
@settings(max_examples=25, deadline=None)
def test_every_hypothesis_has_the_probability_that_listing_all_choices_gives(
    charge: tuple[tuple[int, ...], int],
) -> None:
    units, charged = charge
    found = tables().explain(units, charged, PERCENTS)
    for t, hidden in enumerate((0, 100, 37)):
        expected = by_brute_force(units, charged, hidden, 3.0, None)
        assert found.ladder[t] == pytest.approx(expected, rel=1e-6, abs=1e-15)
    for price in set(units):
        expected = by_brute_force(units, charged, 0, 3.0, price)
        off_ladder = found.off_ladder.get(price, np.zeros(3))
        assert off_ladder[0] == pytest.approx(expected, rel=1e-6, abs=1e-15)


@given(charges())
@settings(max_examples=25, deadline=None)
def test_the_likeliest_unit_discounts_add_up_to_the_gap(
    charge: tuple[tuple[int, ...], int],
) -> None:
    units, charged = charge
    tables_ = tables()
    found = tables_.explain(units, charged, PERCENTS)
    for t, hidden in enumerate((0, *PERCENTS)):
        if found.ladder[t] == 0:
            continue
        likeliest = tables_.most_likely(units, charged, PERCENTS, order_bp=hidden)
        discount = sum(price * step for price, step in likeliest.discounts)
        exact = (1 - hidden / 1e4) * (sum(units) - discount / 10_000)
        assert likeliest.unexplained_e4 == 0
        assert abs(exact - charged) <= 4.0


def test_the_likeliest_choice_beats_every_other_that_explains_the_charge() -> None:
    units = (1_200_000, 1_200_000, 342_000)
    for probability, discount in choices(units):
        charged = (sum(units) * 10_000 - discount) // 10_000
        found = tables().most_likely(units, charged, PERCENTS)
        shares = {step.discount_bp: step.share for step in LADDER}
        given_discounts = math.prod(shares[step] for _, step in found.discounts)
        likelihood = given_discounts * 0.8 ** (len(units) - len(found.discounts))
        assert likelihood >= probability * (1 - 1e-9)


def test_an_off_ladder_unit_is_named_with_its_percentage() -> None:
    units = (5_399_900, 1_200_000, 342_000)
    charged = sum(units) - 1_200_000 * 33 // 100 - 342_000 // 100
    found = tables().most_likely(units, charged, PERCENTS, off_ladder_price=1_200_000)
    assert found.discounts[0] == (1_200_000, 3300)
    assert found.discounts[1:] == ((342_000, 100),)


def test_a_hidden_percentage_is_told_from_the_same_gap_on_the_ladder() -> None:
    units = (35_782_700, 1_200_000, 342_000)
    found = tables().explain(units, round(0.9963 * sum(units)), PERCENTS)
    assert found.ladder[0] == 0.0
    assert found.ladder[2] == pytest.approx(0.8**3)


def test_charges_rounded_to_cents_are_explained_within_half_a_cent() -> None:
    units = (5_399_900, 99_999)
    exact = sum(units) * 10_000 - 99_999 * 150
    to_the_cent = round(exact / 1_000_000) * 100
    assert tables(0.1).explain(units, to_the_cent, PERCENTS).ladder[0] == 0.0
    assert tables(HALF_A_CENT).explain(units, to_the_cent, PERCENTS).ladder[0] > 0.03


def test_the_density_of_what_was_not_listed_holds_all_of_its_probability() -> None:
    """Summed over every window of the tolerance's width, the probabilities come to one."""
    units = tuple(sorted([1_200_000] * 12 + [342_000] * 12, reverse=True))
    tolerance = 40_000.0
    step = round(2 * tolerance) + 1
    found = [
        float(tables(tolerance).explain(units, charged, PERCENTS).ladder[0])
        for charged in range(sum(units) - 4_000_000, sum(units) + 1_000_000, step)
    ]
    assert sum(found) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("count", [13, 24, 60, 200, 450])
def test_a_charge_is_never_unexplainable_because_an_order_is_large(count: int) -> None:
    units = tuple(sorted((99_999 + 7_919 * i for i in range(count)), reverse=True))
    rng = np.random.default_rng(count)
    steps = rng.choice([s.discount_bp for s in LADDER], count, p=[s.share for s in LADDER])
    charged = sum(units) - sum(p * int(s) for p, s in zip(units, steps, strict=True)) // 10_000
    assert tables().explain(units, charged, PERCENTS).ladder[0] > 0.0
    assert tables().explain(units, sum(units), PERCENTS).ladder[0] >= 0.99 * 0.8**count


def test_a_charge_above_list_has_no_explanation() -> None:
    found = tables().explain((1_200_000, 342_000), 1_600_000, PERCENTS)
    assert not found.ladder.any()
    assert not any(row.any() for row in found.off_ladder.values())


def test_what_cannot_be_explained_is_left_as_it_is() -> None:
    found = tables().most_likely((1_200_000,), 1_195_555, PERCENTS)
    assert found.discounts == ()
    assert found.unexplained_e4 == 4_445


def test_the_largest_total_fits_the_integers() -> None:
    units = (LARGEST_TOTAL_E4 // 2, LARGEST_TOTAL_E4 // 2)
    assert tables().explain(units, sum(units), PERCENTS).ladder[0] == pytest.approx(0.64)


def test_an_order_beyond_the_short_halves_is_explained_as_listing_all_choices_would() -> None:
    """Its tables hold every sum within this gap, so that nothing of it is an approximation."""
    units = (35_782_700, 5_399_900, 1_200_000, 1_200_000, 342_000, 219_800, 99_999)
    discount = 342_000 * 1000 + 219_800 * 150
    charged = sum(units) - round(discount / 10_000)
    found = tables().explain(units, charged, PERCENTS)
    assert found.ladder[0] == pytest.approx(by_brute_force(units, charged, 0, 3.0, None), rel=1e-6)


def test_tables_shrink_as_orders_grow() -> None:
    assert table_limit(4) > table_limit(10) > table_limit(100)
    assert probe_limit(16) > probe_limit(100)


def test_what_explains_a_charge_does_not_depend_on_the_orders_before_it() -> None:
    units = tuple(sorted((99_999 * n for n in range(2, 14)), reverse=True))
    total, charged = sum(units), round(0.98 * sum(units), -2)
    alone, after_another = tables(HALF_A_CENT), tables(HALF_A_CENT)
    after_another.explain(units, round(0.8 * total, -2), PERCENTS)  # the same units, a larger gap
    expected, found = (
        alone.explain(units, charged, PERCENTS),
        after_another.explain(units, charged, PERCENTS),
    )
    assert np.array_equal(found.ladder, expected.ladder)
    assert found.off_ladder.keys() == expected.off_ladder.keys()
    for price, likelihood in expected.off_ladder.items():
        assert np.array_equal(found.off_ladder[price], likelihood)
    assert after_another.most_likely(units, charged, PERCENTS) == alone.most_likely(
        units, charged, PERCENTS
    )


class TestLosingTables:
    """A table that is kept may be gone at any call."""

    @given(st.lists(charges(), min_size=2, max_size=4))
    @settings(max_examples=15, deadline=None)
    def test_without_room_for_any_every_order_is_explained_as_with_it(
        self, orders: list[tuple[tuple[int, ...], int]]
    ) -> None:
        kept = tables()
        losing = DiscountTables(LADDER, OFF_LADDER, 3.0, room=0)
        for units, charged in orders:
            assert everything(losing, units, charged) == everything(kept, units, charged)

    @given(st.lists(charges(), min_size=2, max_size=4), st.randoms(use_true_random=False))
    @settings(max_examples=15, deadline=None)
    def test_any_may_be_lost_between_any_two_calls(
        self, orders: list[tuple[tuple[int, ...], int]], random: Random
    ) -> None:
        kept, losing = tables(), tables()
        losing._short, losing._suspected = Losing(random), Losing(random)
        for units, charged in orders:
            assert everything(losing, units, charged) == everything(kept, units, charged)

    def test_the_room_they_take_is_counted_once_however_often_one_is_kept(self) -> None:
        kept = Kept[SumTable](10_000)
        for _ in range(3):
            kept[1, 2] = NO_UNITS
        assert kept.nbytes == NO_UNITS.nbytes


class Losing(Kept[Any]):
    """Loses what it keeps at random."""

    def __init__(self, random: Random) -> None:
        super().__init__(1 << 20)
        self._random = random

    def get(self, prices: tuple[int, ...]) -> Any:
        return None if self._random.random() < 0.5 else super().get(prices)


def everything(of: DiscountTables, units: tuple[int, ...], charged: int) -> object:
    """All that is said of an order."""
    found = of.explain(units, charged, PERCENTS)
    likeliest = [
        of.most_likely(units, charged, PERCENTS, order_bp=hidden, off_ladder_price=price)
        for hidden in (0, *PERCENTS)
        for price in (None, *found.off_ladder)
    ]
    by_price = {price: chances.tolist() for price, chances in found.off_ladder.items()}
    return found.ladder.tolist(), by_price, likeliest


@dataclass
class Work:
    """Sums that were made, and pairs of sums that were looked up, for one order."""

    sums: int = 0
    pairs: int = 0


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """Counts what explaining does."""
    found = Work()
    products, within, of, suspected = (
        subset_sums._likeliest_products, SumTable._within, subset_sums.table_of,
        discounts.suspects_of,
    )  # fmt: skip

    def counted_products(*given: Any) -> Any:
        made = products(*given)
        found.sums += len(made[0])
        return made

    def counted_within(self: SumTable, windows: Windows, taken: Any) -> Any:
        found.pairs += len(windows.low) * len(taken)
        return within(self, windows, taken)

    def counted_table(*given: Any) -> Any:
        found.sums += len(given[0])
        return of(*given)

    def counted_suspects(*given: Any) -> Any:
        made = suspected(*given)
        found.sums += len(made.sums)
        return made

    monkeypatch.setattr(subset_sums, "_likeliest_products", counted_products)
    monkeypatch.setattr(SumTable, "_within", counted_within)
    monkeypatch.setattr(subset_sums, "table_of", counted_table)
    monkeypatch.setattr(discounts, "table_of", counted_table)
    monkeypatch.setattr(discounts, "suspects_of", counted_suspects)
    return found


def of_size(steps: int, off_steps: int) -> DiscountTables:
    """A ladder of some steps, and as many discounts of added items as asked for."""
    ladder = [DiscountShare(0, 0.8)]
    ladder += [DiscountShare(50 * at + 37, 0.2 / (steps - 1)) for at in range(1, steps)]
    off = [DiscountShare(100 + 97 * at, 1 / off_steps) for at in range(off_steps)]
    return DiscountTables(ladder, off, HALF_A_CENT)


class TestTheWorkOfAnOrder:
    """No legal order makes more sums, or looks up more pairs of them, than these bounds."""

    @pytest.mark.parametrize(
        ("steps", "off_steps", "percents"), [(9, 5, 1), (20, 20, 8), (64, 40, 20)]
    )
    @pytest.mark.parametrize("units", [1, 2, 3, 4, 5, 6, 7, 12, 13, 40, 60, 61, 100, 199, 200, 201])
    @pytest.mark.parametrize("charged", [0.97, 0.6, 0.0])
    def test_it_has_a_bound(
        self, work: Work, units: int, charged: float, steps: int, off_steps: int, percents: int
    ) -> None:
        random = Random(units)
        lines = [(random.randrange(10_000, 40_000_000), 1) for _ in range(units)]
        prices = unit_prices(lines)
        found = of_size(steps, off_steps)
        hidden = tuple(31 + 17 * at for at in range(percents))
        charge = round(charged * sum(price for price, _ in lines))
        explained = found.explain(prices, charge, hidden)
        suspect = next(iter(explained.off_ladder), None)
        found.most_likely(prices, charge, hidden, off_ladder_price=suspect)
        assert work.sums <= 600_000
        assert work.pairs <= 1_200_000

    def test_it_does_not_grow_with_the_units_of_a_line(self, work: Work) -> None:
        lines = [(100_000 + 7 * at, 1000) for at in range(200)]
        prices = unit_prices(lines)
        assert isinstance(prices, ManyUnits)
        assert (len(prices), len(prices.counts)) == (200_000, 200)
        of_size(9, 5).explain(prices, round(0.9 * prices.total_e4), (100,))
        assert work.sums <= 10
        assert work.pairs <= 10_000


def test_the_units_of_a_large_order_are_explained_alike_counted_or_one_by_one() -> None:
    listed = sum([[342_000] * 120, [99_999] * 90], start=list[int]())
    prices = unit_prices([(342_000, 70), (99_999, 90), (342_000, 50)])
    assert isinstance(prices, ManyUnits)
    assert dict(prices.counts) == Counter(listed)
    found = tables(HALF_A_CENT).explain(prices, round(0.98 * sum(listed)), ())
    spread = 0.2  # of a normal density, two parts of the order as one
    by_unit = Moments(1.0, 0.0, 0.0)
    for price in listed:
        first = sum(step.share * price * step.discount_bp for step in LADDER)
        second = sum(step.share * (price * step.discount_bp) ** 2 for step in LADDER)
        by_unit = by_unit.times(Moments(1.0, first, second))
    deviation = math.sqrt(by_unit.second - by_unit.first**2)
    gap = sum(listed) * 10_000 - round(0.98 * sum(listed)) * 10_000
    z = (gap - by_unit.first) / deviation
    expected = math.exp(-z * z / 2) / (deviation * math.sqrt(2 * math.pi)) * 1e6
    assert found.ladder[0] == pytest.approx(expected, rel=spread)


@given(charges())
@settings(max_examples=25, deadline=None)
def test_the_likeliest_pair_is_the_same_however_many_are_compared_at_once(
    charge: tuple[tuple[int, ...], int],
) -> None:
    units, charged = charge
    found = []
    for few, most in ((16, 20_000), (0, 20_000), (0, 0)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(discounts, "FEW_HITS", few)
            patch.setattr(discounts, "MOST_PAIRS", most)
            found.append(everything(tables(HALF_A_CENT), units, charged))
    assert found[0] == found[1] == found[2]
