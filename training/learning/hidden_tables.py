"""The tables of hidden discounts: their percentages, how many orders are under one, how long."""

from dataclasses import dataclass

import numpy as np

from shared.arrays import Bools
from shared.ladder import MOST_HIDDEN
from shared.model import LARGEST_HIDDEN_BP, packaged_bundle
from training.history.orders import History
from training.learning.groundwork import Groundwork
from training.learning.hidden_discounts import HiddenEpisode, find_episodes
from training.learning.ladder_learning import StepCounts
from training.learning.ladder_tables import to_table
from training.learning.learned import OrPackaged
from training.learning.rep_ladders import Ladder

FEWEST_EPISODES = 3
"""Runs of a hidden discount below which their length is not learned."""

SHORTEST_EPISODE_DAYS = 1 / 24
"""A run is taken to last an hour at least, on average."""

FLOOR_EPISODES = 0.5
"""Runs of hidden discounts that a history without any counts as."""


@dataclass(frozen=True, slots=True)
class HiddenTables:
    """What was learned of hidden discounts.

    ``lost`` flags the orders in which one shows, ``share`` is the share of orders under one, and
    ``rate`` the same as the bundle has it: never 0.
    """

    episodes: int
    lost: Bools
    share: float
    rate: float
    percents: OrPackaged[Ladder]
    days: OrPackaged[float]

    @property
    def unseen_share(self) -> float:
        """The share of episodes at a percentage that was never seen."""
        # Where none was found, the packaged percentages stand for one run, or they had no chance.
        return 1 / (1 + max(self.episodes, 1))


def learn_hidden(work: Groundwork) -> HiddenTables:
    """Find the episodes of a history, and make the tables of them."""
    episodes, lost = find_episodes(work.history, work.p_no_discount, work.tolerance_e4)
    share = min(sum(episode.orders for episode in episodes) / len(work.history.orders), 1.0)
    days = _mean_days(episodes)
    rate = max(share, _least_rate(work.history, days.value))
    return HiddenTables(len(episodes), lost, share, rate, _percents_table(episodes), days)


def _least_rate(history: History, episode_days: float) -> float:
    """Share of the time in a run if half a run had passed unseen; tomorrow's may be the first."""
    first, last = history.orders[0].ordered_at, history.orders[-1].ordered_at
    days = max((last - first).total_seconds() / 86_400, episode_days)
    return FLOOR_EPISODES * episode_days / days


def _mean_days(episodes: list[HiddenEpisode]) -> OrPackaged[float]:
    """Mean days of a run of a hidden discount."""
    if len(episodes) < FEWEST_EPISODES:
        why = f"{len(episodes)} runs seen, fewer than {FEWEST_EPISODES}"
        return OrPackaged(packaged_bundle().hidden_episode_days, why)
    mean = sum(episode.days for episode in episodes) / len(episodes)
    return OrPackaged(max(mean, SHORTEST_EPISODE_DAYS))


def _percents_table(episodes: list[HiddenEpisode]) -> OrPackaged[Ladder]:
    """Hidden percentages.

    Where none was found the packaged ones are kept, at a rate of next to nothing: a hidden
    discount that begins tomorrow must still have a name.
    """
    episodes = _most_usual(episodes)
    if not episodes:
        why = "no percentage was lost by more orders in a row than chance explains"
        return OrPackaged(packaged_bundle().hidden, why)
    steps_bp = np.array(sorted({episode.discount_bp for episode in episodes}))
    spanned, seen = (
        np.array(
            [sum(of for episode, of in pairs if episode.discount_bp == step) for step in steps_bp]
        )
        for pairs in (
            [(episode, episode.orders) for episode in episodes],
            [(episode, float(episode.seen)) for episode in episodes],
        )
    )
    return OrPackaged(to_table(StepCounts(steps_bp, seen), spanned))


def _most_usual(episodes: list[HiddenEpisode]) -> list[HiddenEpisode]:
    """The runs of the percentages that a bundle has room for: those of the most orders."""
    orders: dict[int, float] = {}
    for episode in episodes:
        if episode.discount_bp <= LARGEST_HIDDEN_BP:
            orders[episode.discount_bp] = orders.get(episode.discount_bp, 0.0) + episode.orders
    most = sorted(orders, key=lambda percent_bp: (-orders[percent_bp], percent_bp))[:MOST_HIDDEN]
    return [episode for episode in episodes if episode.discount_bp in most]
