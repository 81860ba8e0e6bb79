"""The error of the host that its user can do something about."""


class HostError(Exception):
    """The app cannot run as it is; the message says in one line what to change."""
