"""Thresholds: what is worth an alert. Validated data, changed without a deploy."""

import codecs
import hashlib
import json
from typing import Annotated

import msgspec

from shared.errors import ConfigurationError
from shared.formats import blame, received_json, shortened, value_at

PACKAGED = "packaged"
"""The version of the thresholds that come with Sheriff."""


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the company asks of an alert; an unknown key or a value out of range is refused.

    Attributes:
        version: name that every alert carries; by default made from the thresholds themselves.
        alert_probability: an order whose added item or hidden discount is at least this likely
            (0-1) is an alert.
        incident_belief: a run of a hidden discount opens an incident once it is believed in this
            much (above 0.5, below 1), and is over when the belief has fallen to 1 less that.
        reviews_per_day: alerts the analysts can look at in a day; what the day's work is cut to
            and detection is judged at, never a reason to drop an alert.
        below_cost_margin_percent: a charge below the order's cost by more than this many percent
            of that cost is a finding.
        overcharge_tolerance_e4: a charge above list price by more than this is a finding
            (ten-thousandths of the currency).
        price_tampering_tolerance_e4: recorded totals further than this from the catalogue's are
            a finding (ten-thousandths); the default of one cent is above any float noise seen.
        misfit_odds: an item at least this many times likelier to have been added than bought with
            the rest is named as not belonging.
        off_ladder_odds: a unit discount off the ladder is named as a reason when it explains the
            charge at least this many times better than the ladder does.
        hidden_discount_odds: the same for a percentage on the whole order.
        unexplained_gap_probability: a gap that no listed cause explains is a finding from this
            probability (0-1) on.
        unpriced_share: from this share (0-1) of orders with products that are not in the catalogue
            on, that is a finding, recorded with alerts.
        unpriced_rep_odds: a rep whose orders have lines without any price at least this many times
            as often as the others' is a finding of such an order.
        history_days: days of the archive that training learns from at most.
        later_orders: the last orders of the history, this many at most and a fifth of it, that no
            new bundle learns from: champion and challenger are compared on them.
        recall_tolerance: a challenger is refused unless its recall of every fraud is, with 95 %
            confidence, at most this much (0-1) below the champion's.
        label_delay_days: an order is taken as decided for good this many days after it was placed;
            analysts' decisions on later ones are not learned from yet.
        retrain_here_megabytes: past this size of the archive training is handed to a job.
        review_cost_e4: what looking at one alert costs (ten-thousandths); for the report.
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
    """Read a policy from UTF-8 JSON; keys that are left out keep the packaged thresholds.

    Without a ``version`` of its own the policy is named by the first 12 hex digits of the SHA-256
    of all its thresholds, however the file is laid out.

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
