"""Which port each listener of the local stack has."""

import json
import random
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

# Below the range the kernel takes for outgoing connections, so that a killed server finds its port free again.
_LOWEST, _HIGHEST = 20000, 32000
_FIXED = {
    "intake": 8001,
    "recording": 8002,
    "notification": 8003,
    "status": 8004,
    "issuer": 8005,
    "line": 8443,
    "centre_control": 8090,
    "line_control": 8091,
    "traces": 4318,
    "kafka": 19092,
    "postgres": 15432,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """One port per listener, all on 127.0.0.1; `line` is the centre as the services see it."""

    intake: int
    recording: int
    probe: int
    notification: int
    status: int
    issuer: int
    centre: int
    centre_control: int
    line: int
    line_control: int
    line_neutral: int
    traces: int
    mailbox: int
    smtp: int
    kafka: int
    kafka_controller: int
    postgres: int

    @classmethod
    def free(cls) -> Self:
        """Ports nobody listens on now."""
        names = [port.name for port in fields(cls)]
        return cls(**dict(zip(names, _free_ports(len(names)), strict=True)))

    @classmethod
    def fixed(cls, environment: Mapping[str, str]) -> Self:
        """Take the documented ports; `REKAM_<NAME>_PORT` changes one, the undocumented are free ones."""
        names = [port.name for port in fields(cls)]
        spare = dict(zip(names, _free_ports(len(names)), strict=True))
        asked = {name: environment.get(f"REKAM_{name.upper()}_PORT") for name in names}
        return cls(**{name: int(asked[name] or _FIXED.get(name) or spare[name]) for name in names})

    @classmethod
    def of_run(cls, folder: Path) -> Self | None:
        """Read the ports of the run in this folder, if there was one."""
        kept = folder / "ports.json"
        return cls(**json.loads(kept.read_text())) if kept.exists() else None

    def to_json(self) -> str:
        """Write what `of_run` reads."""
        return json.dumps(asdict(self), indent=2) + "\n"


def _free_ports(count: int) -> list[int]:
    found: set[int] = set()
    while len(found) < count:
        port = random.randint(_LOWEST, _HIGHEST)
        if is_free(port):
            found.add(port)
    return list(found)


def is_free(port: int) -> bool:
    """Whether nobody listens on the port."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
