"""The policy: the thresholds that decide what becomes an alert, changed without a deployment."""

import codecs
import hashlib
import json
from typing import Annotated

import msgspec

from shared.errors import ConfigurationError
from shared.formats import blame, received_json, shortened, value_at

PACKAGED = "packaged"
"""The version name of the thresholds that come with Sheriff."""


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The company's thresholds. An unknown key or a value out of range is refused.

    Attributes:
        version: name that every alert carries; by default made from the thresholds.
        alert_probability: an order becomes an alert if an added item or a hidden discount is at
            least this likely (0-1).
        incident_belief: an episode of a hidden discount opens once the belief in it reaches this
            (above 0.5, below 1), and ends once the belief has fallen to 1 minus this.
        reviews_per_day: alerts that the analysts can look at in a day. Detection is judged by it;
            no alert is dropped because of it.
        below_cost_margin_percent: a charge is a finding if it is below the order's cost by more
            than this many percent of the cost.
        overcharge_tolerance_e4: a charge is a finding if it is above list price by more than this
            (ten-thousandths of the currency).
        price_tampering_tolerance_e4: recorded totals are a finding if they differ from the
            catalogue's by more than this (ten-thousandths). The default is one cent, which is
            above any rounding error seen.
        misfit_odds: an item is named as out of place if it is at least this many times likelier
            added than bought with the rest.
        off_ladder_odds: an unusual discount on one unit is named as a reason if it explains the
            charge at least this many times better than the usual discounts do.
        hidden_discount_odds: the same for a percentage on the whole order.
        unexplained_gap_probability: a gap is a finding if its cause is unknown with at least this
            probability (0-1).
        unpriced_share: products that are not in the catalogue are a finding, recorded with alerts,
            if at least this share (0-1) of all orders has them.
        unpriced_rep_odds: an order with a line without any price is a finding if its rep has such
            lines at least this many times as often as the other reps.
        history_days: training learns from at most this many days of the archive.
        later_orders: champion and challenger are compared on the last orders of the history, from
            which no new bundle learns: at most this many, and at most a fifth of it.
        recall_tolerance: a challenger is refused unless its recall of each fraud is, with 95 %
            confidence, at most this much (0-1) below the champion's.
        label_delay_days: training uses analysts' decisions on an order only this many days after
            it was placed.
        retrain_here_megabytes: a larger archive is handed to a job to train on.
        review_cost_e4: cost of looking at one alert (ten-thousandths), for the report.
    """

    schema_version: Annotated[int, msgspec.Meta(ge=1, le=1)] = 1
    version: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] = PACKAGED
    alert_probability: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    incident_belief: Annotated[float, msgspec.Meta(gt=0.5, lt=1)] = 0.99
    reviews_per_day: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 50
    below_cost_margin_percent: Annotated[float, msgspec.Meta(ge=0, le=100)] = 0.0
    overcharge_tolerance_e4: Annotated[int, msgspec.Meta(ge=0, le=10**13)] = 100
    price_tampering_tolerance_e4: Annotated[int, msgspec.Meta(ge=0, le=10**13)] = 100
    misfit_odds: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    off_ladder_odds: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    hidden_discount_odds: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    unexplained_gap_probability: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    unpriced_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.05
    unpriced_rep_odds: Annotated[float, msgspec.Meta(gt=1)] = 3.0
    history_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] = 730
    later_orders: Annotated[int, msgspec.Meta(ge=100, le=1_000_000)] = 5_000
    recall_tolerance: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.02
    label_delay_days: Annotated[int, msgspec.Meta(ge=0, le=3_650)] = 7
    retrain_here_megabytes: Annotated[int, msgspec.Meta(ge=1, le=10**9)] = 1_000
    review_cost_e4: Annotated[int, msgspec.Meta(ge=0, le=10**13)] = 100_000


_MAXIMUM_BYTES = 64 * 1024


def parse_policy(data: bytes) -> Policy:
    """Read a policy from UTF-8 JSON. A key that is left out keeps the packaged threshold.

    A policy without a ``version`` gets the first 12 hex digits of the SHA-256 of its thresholds,
    so that its name does not depend on the layout of the file.

    Raises:
        ConfigurationError: names the key, the value and what was expected.
    """
    if len(data) > _MAXIMUM_BYTES:
        message = f"policy: {len(data)} bytes, expected at most {_MAXIMUM_BYTES}"
        raise ConfigurationError(message)
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        policy = msgspec.json.decode(data, type=Policy)
    except msgspec.ValidationError as error:
        raise ConfigurationError(_complaint(data, error)) from error
    except (ValueError, RecursionError) as error:  # msgspec.DecodeError is a ValueError
        raise ConfigurationError(f"policy: not JSON: {error}") from error
    if policy.version != PACKAGED:
        return policy
    digest = hashlib.sha256(msgspec.json.encode(policy, order="sorted")).hexdigest()
    return msgspec.structs.replace(policy, version=digest[:12])


def _complaint(data: bytes, error: msgspec.ValidationError) -> str:
    key, complaint = blame(error)
    if "unknown field" in complaint:
        known = ", ".join(Policy.__struct_fields__)
        return f"policy: unknown key {shortened(key)}, expected one of {known}"
    try:
        value = json.dumps(value_at(received_json(data), key))
    except (ValueError, RecursionError) as syntax:
        return f"policy: not JSON: {syntax}"
    expected = complaint[:1].lower() + complaint[1:]
    return f"policy: {key or 'the document'} is {shortened(value)}, {expected}"
