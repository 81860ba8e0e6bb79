"""The stack: its parts are child processes, with their ports and data in one state folder."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.local import processes, resources, services
from infra.local.processes import Child, StackError
from infra.local.stack.record import Record, read_record, write_record

DEFAULT_STATE = services.ROOT / ".sheriff" / "stack"
DEFAULT_PORTS = {"azurite": 10000, "eventhubs": 5672, "cosmos": 8081, "host": 7071}
SERVERS = ("azurite", "eventhubs", "cosmos")


@dataclass(frozen=True)
class Status:
    """A part as it is now: `pid` is None if it does not run."""

    name: str
    port: int | None
    pid: int | None
    log: Path


class Stack:
    """The parts of one state folder, to start and stop together or one by one.

    `ports` overrides DEFAULT_PORTS by name. Port 0 takes a free port, and the state folder keeps
    it: the address is part of a checkpoint's name, and clients hold it across restarts. `app` is
    the folder of the function app, or None for no host. `settings` are app settings that add to
    the stack's own or replace them; the folder keeps them, too. Hosts after the first are called
    `host-2`, `host-3`, ...

    As a context manager it is up inside the block and down after it. Its data stay.

    Raises StackError if `state` is no folder, or if its `stack.json` cannot be read.
    """

    def __init__(
        self,
        state: Path = DEFAULT_STATE,
        ports: Mapping[str, int] | None = None,
        app: Path | None = services.ROOT,
        hosts: int = 1,
        settings: Mapping[str, str] | None = None,
        capture: bool = True,
    ) -> None:
        self.state = state.resolve()
        self.app = app
        self.hosts = [_host_name(n) for n in range(hosts)] if app else []
        self._capture = capture
        self._file = self.state / "stack.json"
        kept = read_record(self._file, self._log)
        self._children = kept.children
        self._extra = {**kept.settings, **(settings or {})}
        self._ports = {**self._wanted(ports or {}), **self._kept(kept.ports, ports or {})}

    def _wanted(self, ports: Mapping[str, int]) -> dict[str, int]:
        if unknown := set(ports) - set(DEFAULT_PORTS):
            raise StackError(f"no such part: {', '.join(sorted(unknown))}")
        wanted = {**DEFAULT_PORTS, **ports}
        for n, name in enumerate(self.hosts):
            wanted[name] = wanted["host"] and wanted["host"] + n
        return wanted

    def _kept(self, kept: Mapping[str, int], ports: Mapping[str, int]) -> dict[str, int]:
        """Return the ports that the state folder kept, unless `ports` names others."""
        free = {name for name in (*DEFAULT_PORTS, *self.hosts) if not ports.get(_kind(name))}
        return {name: port for name, port in kept.items() if name in free}

    # --- the whole -----------------------------------------------------------------------------

    def up(self) -> None:
        """Start what does not run, and make the containers; raise StackError if that cannot be."""
        services.require_python()
        self._require_startable()
        with self._ending_what_it_starts():
            self.start_servers()
            for name in self.hosts:
                self.start(name)

    def start_servers(self) -> None:
        """Start everything but the hosts, and make the containers; a model can then go there."""
        with self._ending_what_it_starts():
            for name in SERVERS:
                self.start(name)
            self._make_resources()

    @contextlib.contextmanager
    def _ending_what_it_starts(self) -> Iterator[None]:
        """On an error or Ctrl-C, stop again what was started inside the block."""
        running = {part.name for part in self.status() if part.pid}
        try:
            yield
        except BaseException:
            self._stop_all([name for name in self._stopping_order() if name not in running])
            raise

    def down(self) -> None:
        """Stop what runs, hosts first; a part that has ended already is no error."""
        self._stop_all(self._stopping_order())

    def _stopping_order(self) -> list[str]:
        return [*sorted(set(self._children) - set(SERVERS)), *reversed(SERVERS)]

    def _stop_all(self, names: Sequence[str]) -> None:
        """Stop these parts, then note it: an unwritable folder must not prevent the stop."""
        for name in names:
            self._end(name)
        for name in names:
            self._children.pop(name, None)
        if self._file.exists():
            self._write()

    def _end(self, name: str) -> None:
        if child := self._children.get(name):
            processes.stop(child, services.GRACE_SECONDS[_kind(name)])

    def status(self) -> list[Status]:
        """Return every part, whether it runs or not."""
        names = dict.fromkeys([*SERVERS, *self.hosts, *self._children])
        return [self._status(name) for name in names]

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.down()

    # --- one part ------------------------------------------------------------------------------

    def start(self, name: str) -> None:
        """Start one part, unless it runs. Azurite must run before the others."""
        if name in self._children and processes.find(self._children[name]):
            return
        port = self._ports[name] or processes.free_port()
        processes.require_free(name, port)
        self._ports[name] = port
        service = self._service(name, port)

        def on_record(child: Child) -> None:
            self._children[name] = dataclasses.replace(child, port=port)
            self._write()

        log = self._log(name)
        try:
            processes.start(name, service.command, log, service.environ, record=on_record)
        except BaseException:  # it ended by itself, unless the interrupt came just after its start
            self._end(name)
            self._children.pop(name, None)
            with contextlib.suppress(OSError):
                self._write()
            raise

    def stop(self, name: str) -> None:
        """Stop one part gracefully; do nothing if it does not run."""
        if name in self._children:
            self._end(name)
            self._forget(name)

    def kill(self, name: str) -> None:
        """End one part at once (SIGKILL), as a crash would."""
        if child := self._children.get(name):
            processes.kill(child)
            self._forget(name)

    def restart(self, name: str) -> None:
        """Stop one part gracefully and start it again, on its port and with its data."""
        self.stop(name)
        self.start(name)

    def settings(self) -> dict[str, str]:
        """Return the settings of this stack, for its host and for every command that uses it.

        Raises StackError if its servers were never started.
        """
        if missing := [name for name in SERVERS if not self._ports[name]]:
            raise StackError(f"{missing[0]} has no port yet: start the stack first")
        runs = {"MLFLOW_TRACKING_URI": f"sqlite:///{self.state / 'mlflow' / 'mlflow.db'}"}
        return {**services.app_settings(self._ports), **runs, **self._extra}

    def port(self, name: str) -> int:
        """Return the port of one part; 0 if it takes a free port and was never started."""
        return self._ports[name]

    def pid(self, name: str) -> int | None:
        """Return the process id of one part, None if it does not run."""
        return self._status(name).pid

    # --- inside --------------------------------------------------------------------------------

    def _service(self, name: str, port: int) -> services.Service:
        match name:
            case "azurite":
                return services.azurite(port, self.state / "azurite")
            case "eventhubs":
                storage = (
                    services.blob_connection(self._ports["azurite"]) if self._capture else None
                )
                return services.eventhubs(port, self.state / "eventhubs", storage)
            case "cosmos":
                return services.cosmos(port, self.state / "cosmos")
        if self.app is None:
            raise StackError(f"{name}: this stack has no function app")
        return services.host(port, self.app, self.settings())

    def _require_startable(self) -> None:
        """Raise StackError for what would make a start fail, before the first child starts."""
        services.node()
        try:
            self.state.mkdir(parents=True, exist_ok=True)
            self._write()
        except OSError as error:
            raise StackError(f"{self.state} cannot be written: {error.strerror}") from None
        for part in self.status():
            if part.pid is None and part.name in self._ports:
                processes.require_free(part.name, self._ports[part.name])

    def _make_resources(self) -> None:
        settings = services.app_settings(self._ports)
        resources.make_blob_containers(settings["BLOB_CONNECTION"])
        resources.make_cosmos_containers(
            settings["COSMOS_ENDPOINT"], settings["COSMOS_KEY"], settings["COSMOS_DATABASE"]
        )

    def _status(self, name: str) -> Status:
        child = self._children.get(name)
        running = processes.find(child) if child else None
        return Status(name, self._ports.get(name), running and running.pid, self._log(name))

    def _log(self, name: str) -> Path:
        return self.state / "logs" / f"{name}.log"

    def _forget(self, name: str) -> None:
        del self._children[name]
        self._write()

    def _write(self) -> None:
        write_record(self._file, Record(self._ports, self._children, self._extra))


def _host_name(n: int) -> str:
    return f"host-{n + 1}" if n else "host"


def _kind(name: str) -> str:
    """Return `host` for every host, else the name."""
    return "host" if name.startswith("host-") else name
