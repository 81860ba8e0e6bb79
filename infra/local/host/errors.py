"""The one error of the host that its user can act on."""


class HostError(Exception):
    """The app cannot be run as it stands; the message is one line saying what to change."""
