"""Where everything of a running stack is found; the content of `.local/endpoints.json`."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from tools.local.ports import Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Addresses of a stack's processes."""

    intake: str
    recording: str
    notification: str
    status: str
    issuer: str
    centre: str
    centre_control: str
    line_control: str
    kafka: str
    postgres: Mapping[str, str]
    otlp: str
    traces: str
    mailbox: str

    @classmethod
    def on(cls, ports: Ports, *, kafka: str, postgres: Mapping[str, str]) -> Self:
        """Derive the addresses that follow from the ports."""
        return cls(
            intake=_http(ports.intake),
            recording=_http(ports.recording),
            notification=_http(ports.notification),
            status=_http(ports.status),
            issuer=_http(ports.issuer),
            centre=f"https://localhost:{ports.line}",
            centre_control=_http(ports.centre_control),
            line_control=_http(ports.line_control),
            kafka=kafka,
            postgres=postgres,
            otlp=_http(ports.traces),
            traces=_http(ports.traces),
            mailbox=_http(ports.mailbox),
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the addresses of the stack that wrote this file."""
        return cls.from_json(path.read_text())

    def to_json(self) -> str:
        """Write the shape documented as `.local/endpoints.json`."""
        return json.dumps(asdict(self), indent=2) + "\n"


def _http(port: int) -> str:
    return f"http://127.0.0.1:{port}"
