"""Find the challenger, the bundle that scores in shadow. If it is at fault, no bundle does."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from functions.known_files import KnownFiles, RefusedFileError
from functions.sources import read_bundle
from shared.champion import CHALLENGER, Served, parse_pointer
from shared.containers import MODELS
from shared.errors import NotThereError, TransientError
from shared.model import ModelBundle
from shared.scoring import Scorer

logger = logging.getLogger(__name__)


@dataclass
class Challenger:
    """The challenger's scorer; None if it was refused, and then ``refusal`` says why."""

    known: KnownFiles
    scorer: Scorer | None = None
    refusal: str | None = None
    _bundle: ModelBundle | None = None

    async def look(
        self,
        champion: str,
        make_scorer: Callable[[ModelBundle], Awaitable[Scorer]],
        *,
        changed: bool,
    ) -> None:
        """Use the challenger that is in the store now.

        Args:
            champion: the version that serves; it is not its own challenger.
            make_scorer: makes a scorer of a bundle, with the catalogue and policy that serve.
            changed: whether the catalogue or the policy has changed.
        """
        try:
            bundle = await self._next()
            if bundle is None or bundle.version == champion:
                self.scorer = self._bundle = None
            elif changed or bundle is not self._bundle:
                self.scorer, self._bundle = await make_scorer(bundle), bundle
                logger.info("in shadow: %s", bundle.version)
        except Exception:  # a challenger never stops the champion
            self.scorer = self._bundle = None
            logger.exception("%s does not score in shadow", CHALLENGER)

    async def _next(self) -> ModelBundle | None:
        """Return the bundle that is to score in shadow; None if it was refused or is not there."""
        why = None
        try:
            pointer = await self.known.value(MODELS, CHALLENGER, parse_pointer)
            bundle = await read_bundle(self.known, Served(pointer.version, pointer.sha256))
        except NotThereError:
            bundle = None
        except TransientError as error:
            logger.warning("%s cannot be read: %s", CHALLENGER, error)
            bundle, why = self._bundle, self.refusal
        except RefusedFileError as error:
            bundle, why = None, error.why
        if why is not None and why != self.refusal:
            logger.error("%s is refused and does not score in shadow: %s", CHALLENGER, why)
        self.refusal = why
        return bundle
