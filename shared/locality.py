"""Whether this machine is one's own: asked once, by whatever has something to protect.

Sheriff protects itself unless it is told otherwise: callers sign in, keys and connection strings
are refused, stores are opened with an identity. Only the setting `LOCAL`, which the local stack
gives its processes, switches that off. No platform has to be recognised for it: what a platform
sets in the environment differs from plan to plan. Where one is recognised all the same, the
setting is refused.
"""

from collections.abc import Mapping

from shared.errors import ConfigurationError

LOCAL = "SHERIFF_LOCAL"
"""``on``: the stores are emulators on this machine, and whoever calls may read."""

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
"""What Azure sets, each in some of its plans. ``WEBSITE_HOSTNAME`` is not one of them: the
Functions Core Tools set it on a developer's machine."""

STACK_SETTINGS = 'eval "$(python -m infra.local.stack env)"'


def platform_sign(environ: Mapping[str, str]) -> str | None:
    """A setting that only a hosting platform has; None where there is none."""
    return next((name for name in PLATFORM_SIGNS if environ.get(name, "").strip()), None)


def is_local(environ: Mapping[str, str]) -> bool:
    """Whether this machine is said to be one's own, and looks like it.

    Raises:
        ConfigurationError: the setting is neither on nor off, or on where a platform hosts.
    """
    said = environ.get(LOCAL, "").strip() or "off"
    if said not in {"on", "off"}:
        raise ConfigurationError(f"{LOCAL} is {said!r}, expected on or off")
    sign = platform_sign(environ)
    if said == "on" and sign is not None:
        raise ConfigurationError(
            f"{LOCAL} is on, and {sign} shows that a platform hosts this process: "
            f"{LOCAL} is for a machine of one's own"
        )
    return said == "on"


def refuse_keys(environ: Mapping[str, str], *names: str) -> None:
    """Refuse keys and connection strings, except on a machine that is said to be one's own.

    Raises:
        ConfigurationError: names the first that is set; or as `is_local`.
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
    """A setting is not set; where no platform hosts, with the step that sets it."""
    if platform_sign(environ) is not None:
        return ConfigurationError(f"{name} is not set")
    return ConfigurationError(
        f"{name} is not set; {STACK_SETTINGS} sets it for the local stack (docs/settings.md)"
    )
