"""Names who moves a pointer by hand, as the pointer records it."""

import getpass
import os
from collections.abc import Mapping

from shared.locality import is_local
from training.settings import TrainingSettings


def mover(environ: Mapping[str, str]) -> str | None:
    """Return the login name on the operator's own machine, else the signed-in identity's id.

    Raises:
        TransientError: no identity is signed in.
        ConfigurationError: a setting is wrong.
    """
    if is_local(environ):
        try:
            return getpass.getuser()
        except (OSError, KeyError):  # an account without a name, as in a container
            return str(os.getuid())
    from training.stores import signed_in_as  # noqa: PLC0415 - the SDKs, not for --help

    return signed_in_as(TrainingSettings.from_environ(environ))
