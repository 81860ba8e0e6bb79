"""The errors that Sheriff raises, and who acts on each.

::

    SheriffError
    |- OrderError          the sender: the order is set aside (a dead letter), the batch goes on
    |- ConfigurationError  the operator: a setting, catalogue or policy is wrong; the old one stays
    |- BundleError         the trainer: a model bundle is refused; the one before it serves on
    |- TransientError      nobody: raised once the rest is done; the whole batch comes again
    |- WriteConflict       the caller: somebody else was first; it reads again and decides anew
    |- RefusedError        the caller: a store will never take the document; its order is set aside
    |- NotThereError       the caller: there is no such document, which is an answer
    |- LeaseHeld           the caller: another process is at work; this one leaves
"""


class SheriffError(Exception):
    """Any error that Sheriff raises on purpose."""


class OrderError(SheriffError):
    """An order that breaks its contract; permanent, so the order is set aside.

    Attributes:
        code: stable snake_case name of the violation, for counting and filtering.
        field: path of the offending field (``lines[2].quantity``), empty for the whole body.
        message: one sentence naming the field, the value and what was expected.
    """

    def __init__(self, code: str, field: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.message = message


class ConfigurationError(SheriffError):
    """A setting, catalogue or policy that cannot be used; says which and why."""


class BundleError(SheriffError):
    """A model bundle that must not be loaded: wrong hash, wrong schema or half written."""


class TransientError(SheriffError):
    """A store or the network failed for now: the same call may work next time."""


class WriteConflict(SheriffError):  # noqa: N818 - it is no failure: somebody else was first
    """The document has changed since it was read: read it again and decide anew."""


class RefusedError(SheriffError):
    """A store will never take this document (400, 413): its order is set aside."""


class NotThereError(SheriffError):
    """There is no such document, which is an answer, not a failure."""


class LeaseHeld(SheriffError):  # noqa: N818 - it is no failure: another process is at work
    """Another process holds the lease."""
