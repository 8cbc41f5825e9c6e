"""The whole stack as one thing: start it, hurt it, ask where it is, stop it."""

import functools
import importlib.util
import os
import shutil
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

from tools.local.endpoints import Endpoints
from tools.local.jars import kafka_jars
from tools.local.kafka import KafkaNode, knows_a_broker
from tools.local.parts import (
    ALL,
    PROBES,
    SERVERS,
    SERVICES,
    TOOLS,
    command_of,
    of_probe,
    of_service,
    of_tool,
    ready_url,
)
from tools.local.passwords import passwords_from
from tools.local.places import ROOT
from tools.local.ports import Ports
from tools.local.postgres import Databases, OwnServer
from tools.local.processes import Child, Part, StartFailed, spawn
from tools.local.runfolder import RunFolder

Dressing: TypeAlias = Callable[[list[str]], list[str]]
_READY_SECONDS = 90.0
_STOP_SECONDS = 20.0


class Stack:
    """PostgreSQL, Kafka, the tools and the services of one run folder; nothing of it outlives its owner.

    All methods block: call them by `asyncio.to_thread` from a loop.
    """

    def __init__(
        self,
        folder: Path,
        ports: Ports,
        *,
        settings: Mapping[str, Mapping[str, str]] | None = None,
        dressed: Mapping[str, Dressing] | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self.ports = ports
        self._settings = settings or {}
        self._dressed = dressed or {}
        self._children: dict[str, Child] = {}
        self._changing = threading.Lock()
        self._closing = False
        self._run = RunFolder(self.folder)
        self._postgres = OwnServer(self.folder, ports.postgres)
        self._kafka = KafkaNode(self.folder, port=ports.kafka, controller_port=ports.kafka_controller)
        self._bootstrap = os.environ.get("REKAM_KAFKA_BOOTSTRAP")
        self._administrator = os.environ.get("REKAM_POSTGRES_DSN")

    @classmethod
    def on_free_ports(
        cls,
        folder: Path,
        *,
        settings: Mapping[str, Mapping[str, str]] | None = None,
        dressed: Mapping[str, Dressing] | None = None,
    ) -> Self:
        """Plan a stack that disturbs no other; `dressed` puts words before the command of a tool or service."""
        return cls(folder, Ports.free(), settings=settings, dressed=dressed)

    def start(self, parts: Iterable[str] = ALL) -> Self:
        """Start these parts, as much as possible at once, and return when all are ready; or stop all and raise."""
        wanted = set(parts)
        self._run.take()
        self._closing = False
        try:
            (self.folder / "ports.json").write_text(self.ports.to_json())
            self._write_keys()
            if "kafka" in wanted and not self._bootstrap:
                kafka_jars()
            self._start_all(wanted)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop all that was started: services first, then what they lean on."""
        with self._changing:
            self._closing = True
        for layer in ((*SERVICES, *PROBES), TOOLS, SERVERS):
            started = [self._children[name] for name in layer if name in self._children]
            if started:
                with ThreadPoolExecutor(len(started)) as pool:
                    list(pool.map(lambda child: child.stop(_STOP_SECONDS), started))
        self._children.clear()
        self._run.release()

    def remove(self) -> None:
        """Stop, and delete the folder with its data and logs."""
        self.stop()
        self._postgres.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @functools.cached_property
    def endpoints(self) -> Endpoints:
        """Where everything is."""
        dsns = {service: self._databases.dsn(service) for service in SERVICES}
        return Endpoints.on(self.ports, kafka=self._bootstrap or self._kafka.bootstrap, postgres=dsns)

    @property
    def keys(self) -> Path:
        """The folder of this run's keys and certificates."""
        return self.folder / "keys"

    def environment(self, name: str) -> dict[str, str]:
        """Tell a tool or service its environment, with this stack's settings on top."""
        place = (self.folder, self.ports, self.endpoints)
        told = of_probe(*place) if name in PROBES else (of_service if name in SERVICES else of_tool)(name, *place)
        return told | dict(self._settings.get(name, {}))

    def start_service(self, name: str, *, wait: bool = True) -> None:
        """Start a part that does not run, on the same port and data; by default wait until it is ready."""
        with self._changing:
            if self._closing:
                raise StartFailed(f"{name} was not started: the stack stops")
            if self.is_running(name):
                return
            self._children[name] = spawn(self._part(name), self.log(name))
            self._run.note(self._children.values())
        if wait:
            self.wait_until_ready(name)

    def wait_until_ready(self, name: str, timeout_seconds: float = _READY_SECONDS) -> None:
        """Wait until a started part says it is ready; its death or the deadline raises `StartFailed`."""
        self._children[name].wait_until_ready(timeout_seconds)

    def kill(self, name: str) -> None:
        """SIGKILL, without a farewell."""
        self._children[name].kill()

    def stop_service(self, name: str) -> None:
        """End it in order: SIGTERM (for PostgreSQL its fast shutdown), then wait."""
        self._children[name].stop(_STOP_SECONDS)

    def pause(self, name: str) -> None:
        """SIGSTOP: its port stays open, nobody answers."""
        self._children[name].pause()

    def resume(self, name: str) -> None:
        """SIGCONT."""
        self._children[name].resume()

    def is_external(self, name: str) -> bool:
        """Whether the environment names a server to be used instead of an own one."""
        return bool({"kafka": self._bootstrap, "postgres": self._administrator}.get(name))

    def is_running(self, name: str) -> bool:
        """Whether the part was started and lives."""
        return name in self._children and self._children[name].is_running

    def pids(self) -> dict[str, int]:
        """Name the process of each living part."""
        return {name: child.process.pid for name, child in self._children.items() if child.is_running}

    def log(self, name: str) -> Path:
        """Where a part's output goes."""
        return self.folder / "logs" / f"{name}.log"

    def _start_all(self, wanted: set[str]) -> None:
        with ThreadPoolExecutor(len(ALL)) as pool:
            try:
                postgres = pool.submit(self._start_postgres, wanted)
                others = [pool.submit(self.start_service, name) for name in TOOLS if name in wanted]
                if "kafka" in wanted:
                    others.append(pool.submit(self._start_kafka))
                postgres.result()
                behind = [name for name in (*SERVICES, *PROBES) if name in wanted]
                others += [pool.submit(self.start_service, name) for name in behind]
                for other in others:
                    other.result()
            except BaseException:
                self.stop()  # before the pool waits for those that still wait for their part
                raise

    def _start_postgres(self, wanted: set[str]) -> None:
        if "postgres" not in wanted:
            return
        if not self._administrator:
            self._postgres.prepare()
            self.start_service("postgres")
        for service in SERVICES:
            self._databases.create(service)

    def _start_kafka(self) -> None:
        if self._bootstrap:
            if not knows_a_broker(self._bootstrap):
                raise StartFailed(f"no Kafka broker answers at REKAM_KAFKA_BOOTSTRAP={self._bootstrap}")
            return
        self._kafka.prepare()
        self.start_service("kafka")

    @functools.cached_property
    def _databases(self) -> Databases:
        if self._administrator:
            return Databases(self._administrator, passwords_from(self._administrator))
        return self._postgres.databases()

    def _part(self, name: str) -> Part:
        if name == "postgres":
            return self._postgres.part()
        if name == "kafka":
            return self._kafka.part()
        command = [sys.executable, "-m", *command_of(name)]
        return Part(
            name=name,
            command=self._dressed[name](command) if name in self._dressed else command,
            environment=self.environment(name),
            is_ready=functools.partial(_says_ok, ready_url(name, self.ports)),
            cwd=ROOT,
        )

    def _write_keys(self) -> None:
        if importlib.util.find_spec("tools.keys") is not None:
            importlib.import_module("tools.keys").write_all(self.keys)


def _says_ok(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  our own http address
            return bool(answer.status == 200)  # noqa: PLR2004  OK
    except (urllib.error.URLError, OSError):
        return False
