"""Reads and writes the documents of training in the stores; blobs are elsewhere.

The nightly run uses the synchronous clients, with threads where it reads in parallel. Loading a
backtest's alerts uses the async one, because it writes many documents at once.
"""

import asyncio
import base64
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.containers import ALERTS, DECISIONS, INCIDENTS, SHADOW, STATE
from shared.decision import Decision, parse_decision
from shared.errors import ConfigurationError
from shared.stores.blobs import Blobs
from shared.stores.cosmos import Cosmos
from shared.stores.credential import credential
from shared.stores.error_translation import translated
from shared.stores.settings import CosmosSettings
from shared.stores.timeouts import PATIENT_COSMOS
from training.ports import ReadDecisions
from training.settings import TrainingSettings

if TYPE_CHECKING:
    from shared.stores.aio import cosmos as aio

WRITES_AT_ONCE = 24

_SCOPE = "https://storage.azure.com/.default"

_logger = logging.getLogger(__name__)


@contextmanager
def opened(settings: TrainingSettings) -> Iterator[tuple[Blobs, "CosmosDocuments"]]:
    """Open the stores of a run, and give their connections back at its end."""
    with closing(Blobs(settings.blobs)) as blobs, closing(Cosmos(settings.cosmos)) as cosmos:
        yield blobs, CosmosDocuments(cosmos)


def signed_in_as(settings: TrainingSettings) -> str | None:
    """Return the object id of the identity that opens the stores.

    It is None where the identity's token does not say.

    Raises:
        TransientError: nobody is signed in, or it cannot be known now.
    """
    with closing(credential(settings.identity)) as identity, translated("sign in"):
        return object_id(identity.get_token(_SCOPE).token)


def object_id(token: str) -> str | None:
    """Return the object id (``oid``) in an access token; None where it has no object id.

    The token is not verified: it is our own, and its id is only written down.
    """
    try:
        claims = token.split(".")[1]
        decoded = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        oid = decoded.get("oid")
    except (ValueError, LookupError, AttributeError):
        return None
    return oid if isinstance(oid, str) else None


@dataclass(frozen=True, slots=True)
class CosmosDocuments:
    """The documents that the scorer and the analysts wrote (`training.ports.Documents`)."""

    cosmos: Cosmos

    def decisions(self, until: datetime) -> ReadDecisions:
        decisions: list[Decision] = []
        refused: dict[str, int] = {}
        for document in self.cosmos.query(DECISIONS, "SELECT * FROM c"):
            try:
                decisions.append(parse_decision(json.dumps(document).encode()))
            except ConfigurationError as error:
                field = str(error).partition(":")[0]
                refused[field] = refused.get(field, 0) + 1
                _logger.warning("decision %s cannot be used: %s", document.get("id"), error)
        # Times are compared here: texts with different offsets do not sort by time.
        made = [decision for decision in decisions if decision.at <= until]
        return ReadDecisions(tuple(sorted(made, key=_order_of_decisions)), refused)

    def alerts(self, since: str | None, limit: int) -> list[dict[str, Any]]:
        where = "" if since is None else " WHERE c.scored_at >= @since"
        return self.cosmos.query(
            ALERTS,
            f"SELECT TOP {int(limit)} * FROM c{where} ORDER BY c.expected_loss DESC",  # noqa: S608
            {} if since is None else {"@since": since},
        )

    def incidents(self) -> list[dict[str, Any]]:
        return self.cosmos.query(INCIDENTS, "SELECT * FROM c ORDER BY c.started_at DESC")

    def states(self) -> list[dict[str, Any]]:
        return self.cosmos.query(
            STATE, "SELECT * FROM c WHERE NOT IS_DEFINED(c.kind) ORDER BY c.id"
        )

    def shadows(self, version: str) -> list[dict[str, Any]]:
        return self.cosmos.query(
            SHADOW,
            "SELECT * FROM c WHERE c.version = @version ORDER BY c.id",
            {"@version": version},
        )

    def alerts_of(self, customer_id: str) -> list[tuple[str, str]]:
        """Return the alerts on a customer's orders: the id and the rep of each."""
        alerts = self.cosmos.query(
            ALERTS,
            "SELECT c.id, c.rep_id FROM c WHERE c.customer_id = @customer_id",
            {"@customer_id": customer_id},
        )
        return [(alert["id"], alert["rep_id"]) for alert in alerts]

    def delete_alert(self, alert_id: str, rep_id: str) -> None:
        """Delete an alert; an alert that is missing is fine."""
        self.cosmos.delete(ALERTS, alert_id, rep_id)


def _order_of_decisions(decision: Decision) -> tuple[datetime, str, str, int, str, str]:
    """Sort by time, then by subject, so that the order is the same each time they are read."""
    about = (decision.order_id, decision.rep_id, decision.revision, decision.typology or "")
    return decision.at, *about, decision.decided_by


async def load_alerts(environment: Mapping[str, str], alerts: Sequence[dict[str, Any]]) -> int:
    """Create alerts in Cosmos DB, and leave those that exist as they are; return how many are new.

    ``COSMOS_ENDPOINT`` names the account and ``COSMOS_DATABASE`` the database (default
    ``sheriff``); ``COSMOS_KEY`` is set for an emulator only.

    Raises:
        ConfigurationError: the account is not named, or a key is set where only an identity may be
            used.
        TransientError: the store failed; load them again to complete what is missing.
    """
    from shared.stores.aio import cosmos as aio  # noqa: PLC0415 - the async SDK, only for loading

    if not environment.get("COSMOS_ENDPOINT"):
        raise ConfigurationError("--write needs COSMOS_ENDPOINT to be set")
    cosmos = aio.Cosmos(CosmosSettings.from_environ(environment), options=PATIENT_COSMOS)
    try:
        return await _create_all(cosmos, alerts)
    except ExceptionGroup as errors:  # the first says what the others would
        raise errors.exceptions[0] from errors
    finally:
        await cosmos.close()


async def _create_all(cosmos: "aio.Cosmos", alerts: Sequence[dict[str, Any]]) -> int:
    turn = asyncio.Semaphore(WRITES_AT_ONCE)

    async def create(alert: dict[str, Any]) -> bool:
        async with turn:
            # An alert that exists stays: an analyst may have decided on it.
            return await cosmos.create(ALERTS, alert, doing="load an alert")

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(create(alert)) for alert in alerts]
    return sum(task.result() for task in tasks)
