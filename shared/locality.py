"""Decides whether Sheriff runs on a developer's own machine, where some protections are off.

Sheriff is protected by default: callers sign in, keys and connection strings are refused, and
stores are opened with an identity. Only the setting `LOCAL` switches that off; the local stack sets
it. The default does not depend on recognising a hosting platform, because each plan sets other
environment variables. But if a platform is recognised, the setting is refused.
"""

from collections.abc import Mapping

from shared.errors import ConfigurationError

LOCAL = "SHERIFF_LOCAL"
"""``on`` means: the stores are emulators on this machine, and any caller may read."""

PLATFORM_SIGNS = (
    "WEBSITE_INSTANCE_ID",
    "WEBSITE_SITE_NAME",
    "WEBSITE_SKU",
    "WEBSITE_POD_NAME",
    "WEBSITE_OWNER_NAME",
    "WEBSITE_AUTH_ENABLED",
    "LEGION_SERVICE_HOST",
    "CONTAINER_APP_NAME",
    "IDENTITY_ENDPOINT",
    "MSI_ENDPOINT",
    "AZUREML_RUN_ID",
)
"""Environment variables that Azure sets in some of its plans. ``WEBSITE_HOSTNAME`` is missing here,
because the Functions Core Tools set it on a developer's machine, too."""

STACK_SETTINGS = 'eval "$(python -m infra.local.stack env)"'


def platform_sign(environ: Mapping[str, str]) -> str | None:
    """Return the name of a set variable that only a hosting platform sets, if there is one."""
    return next((name for name in PLATFORM_SIGNS if environ.get(name, "").strip()), None)


def is_local(environ: Mapping[str, str]) -> bool:
    """Return whether the setting says that this is a developer's own machine.

    Raises:
        ConfigurationError: the setting is neither on nor off, or it is on although a platform hosts
            the app.
    """
    said = environ.get(LOCAL, "").strip() or "off"
    if said not in {"on", "off"}:
        raise ConfigurationError(f"{LOCAL} is {said!r}, expected on or off")
    sign = platform_sign(environ)
    if said == "on" and sign is not None:
        raise ConfigurationError(
            f"{LOCAL} is on, and {sign} shows that a platform hosts this process: "
            f"{LOCAL} is only for a developer's own machine"
        )
    return said == "on"


def refuse_keys(environ: Mapping[str, str], *names: str) -> None:
    """Raise if a key or connection string is set, except on a developer's own machine.

    Raises:
        ConfigurationError: names the first that is set; or as in `is_local`.
    """
    if is_local(environ):
        return
    for name in names:
        if environ.get(name, "").strip():
            raise ConfigurationError(
                f"{name} is set: Sheriff signs in with its identity only; keys and connection "
                f"strings are accepted only where {LOCAL}=on (the local stack sets it)"
            )


def missing(environ: Mapping[str, str], name: str) -> ConfigurationError:
    """Return the error for a missing setting; on a developer's machine it says how to set it."""
    if platform_sign(environ) is not None:
        return ConfigurationError(f"{name} is not set")
    return ConfigurationError(
        f"{name} is not set; {STACK_SETTINGS} sets it for the local stack (docs/settings.md)"
    )
