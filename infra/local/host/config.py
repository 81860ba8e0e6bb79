"""Reads what the host needs before it starts: host.json and the app settings."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Annotated, Any, Self

import msgspec

from infra.local.host.errors import HostError

_OVERRIDE = "AzureFunctionsJobHost__"
_TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d+):(\d\d):(\d\d(?:\.\d+)?)")

type Count = Annotated[int, msgspec.Meta(ge=1)]


class Seconds(float):
    """A duration, written in settings as a .NET TimeSpan: `[d.]hh:mm:ss[.fff]`."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a time span; raise ValueError on anything else."""
        span = _TIME_SPAN.fullmatch(text)
        if not span:
            raise ValueError(f"{text!r} is not a time span (hh:mm:ss)")
        days, hours, minutes, seconds = span.groups()
        return cls(int(days or 0) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(seconds))


class InitialOffset(msgspec.Struct, rename="camel"):
    """The start of a partition without a checkpoint: fromStart, fromEnd or fromEnqueuedTime."""

    type: str = "fromStart"
    enqueued_time_utc: str | None = None


class EventHubOptions(msgspec.Struct, rename="camel"):
    """`extensions.eventHubs`, with the defaults of the Event Hubs extension 6."""

    max_event_batch_size: Count = 100
    min_event_batch_size: Count = 1
    max_wait_time: Seconds = Seconds(60)  # used only when min_event_batch_size > 1
    batch_checkpoint_frequency: Count = 1
    prefetch_count: Count = 300
    initial_offset_options: InitialOffset = msgspec.field(default_factory=InitialOffset)
    load_balancing_update_interval: Seconds = Seconds(30)
    partition_ownership_expiration_interval: Seconds = Seconds(120)


class HttpOptions(msgspec.Struct, rename="camel"):
    """`extensions.http`."""

    route_prefix: str = "api"


class Extensions(msgspec.Struct, rename="camel"):
    """`extensions` of host.json; this host ignores the other triggers."""

    event_hubs: EventHubOptions = msgspec.field(default_factory=EventHubOptions)
    http: HttpOptions = msgspec.field(default_factory=HttpOptions)


class HostConfig(msgspec.Struct, rename="camel"):
    """host.json, as far as this host understands it."""

    version: str
    extensions: Extensions = msgspec.field(default_factory=Extensions)


def read_host_json(app: Path, settings: Mapping[str, str]) -> HostConfig:
    """Read the app's host.json; `AzureFunctionsJobHost__a__b` settings replace its values.

    Raises HostError, which names the field that is wrong.
    """
    file = app / "host.json"
    try:
        content = json.loads(file.read_bytes())
        for name, value in settings.items():
            if name.startswith(_OVERRIDE):
                _replace(content, name.removeprefix(_OVERRIDE).split("__"), value)
        return msgspec.convert(content, HostConfig, strict=False, dec_hook=_decode)
    except FileNotFoundError:
        raise HostError(f"{file} is missing: this folder holds no function app") from None
    except (ValueError, AttributeError) as error:  # the latter: a setting below a plain value
        raise HostError(f"{file}: {error}") from None


def _replace(content: dict[str, Any], path: list[str], value: str) -> None:
    for part in path[:-1]:
        content = content.setdefault(part, {})
    content[path[-1]] = value


def _decode(kind: type, value: object) -> object:
    if kind is Seconds:
        return Seconds.parse(str(value))
    raise NotImplementedError(kind)


def add_local_settings(app: Path, settings: MutableMapping[str, str]) -> None:
    """Add the values of local.settings.json, if it is there; settings that are set stay."""
    file = app / "local.settings.json"
    if not file.exists():
        return
    try:
        values = json.loads(file.read_bytes()).get("Values", {})
        for name, value in values.items():
            settings.setdefault(name, value if isinstance(value, str) else json.dumps(value))
    except (ValueError, AttributeError) as error:
        raise HostError(f"{file}: {error}") from None


def setting(name: str, wanted_by: str) -> str:
    """Return the app setting `name`; raise HostError if it is missing or empty."""
    value = os.environ.get(name, "")
    if not value:
        raise HostError(
            f"app setting {name} is missing ({wanted_by}): "
            "set it in the environment or in local.settings.json"
        )
    return value


def expand(text: str, wanted_by: str) -> str:
    """Replace each %NAME% in a binding's property by the app setting of that name."""
    return re.sub(r"%([^%]+)%", lambda name: setting(name[1], wanted_by), text)
