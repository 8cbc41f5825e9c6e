"""A far side of one's own on free ports: the centre, the line to it, and a caller."""

import base64
import hashlib
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx

from shared.sealing import Label, SealingKey, seal
from tools.centre.server import CentreSettings, running_centre
from tools.line.server import LineSettings, running_line

OFFICE = "32.16.06"
NIL = UUID(int=0)


@dataclass(slots=True)
class FarSide:
    """A caller of the centre and its switches."""

    calls: httpx.AsyncClient
    control: httpx.AsyncClient
    key: SealingKey
    line: httpx.AsyncClient = field(default_factory=httpx.AsyncClient)
    neutral_port: int = 0

    async def check(self, recording: UUID, serial: str) -> dict[str, Any]:
        """Send a sealed identity whose NIK ends in this serial."""
        identity = {"nik": f"321606550190{serial}", "name": "CONTOH SATU", "birth_date": "1990-01-15", "sex": "F"}
        sealed = seal(self.key, Label(recording, OFFICE, 1, "identity"), json.dumps(identity).encode())
        headers = {"Rekam-Recording": str(recording), "Rekam-Office": OFFICE, "Rekam-Identity-Version": "1"}
        headers |= {"Idempotency-Key": f"{recording}:identity_check:1", "Rekam-Attempt": str(uuid4())}
        answer = await self.calls.post("/identity-checks", content=sealed, headers=headers)
        return dict(answer.raise_for_status().json())

    async def submit(self, recording: UUID, packet: bytes = b"CONTOH", version: int = 1) -> httpx.Response:
        """Send a packet under its key."""
        headers = {"Content-Digest": digest_header(packet), "Rekam-Attempt": str(uuid4())}
        headers["Idempotency-Key"] = f"{recording}:submission:{version}"
        return await self.calls.put(f"/recordings/{recording}", content=packet, headers=headers)

    async def state(self, recording: UUID) -> str:
        """Ask where a recording stands."""
        return str((await self.calls.get(f"/recordings/{recording}")).raise_for_status().json()["state"])

    async def post(self, what: str, recording: UUID) -> httpx.Response:
        """Ask for a card or a Suket."""
        return await self.calls.post(f"/{what}/{recording}", headers={"Idempotency-Key": f"{recording}:{what}:1"})

    async def goes_wrong(self, operation: str, kind: str, **how: Any) -> None:
        """Switch a fault on."""
        (await self.control.put(f"/faults/{operation}", json={"kind": kind, **how})).raise_for_status()

    async def is_well_again(self) -> None:
        """Switch every fault off."""
        (await self.control.delete("/faults")).raise_for_status()

    async def journal(self) -> list[dict[str, Any]]:
        """Read what the centre saw."""
        return list((await self.control.get("/journal")).raise_for_status().json()["items"])

    async def record(self, recording: UUID) -> dict[str, Any]:
        """Read what the centre registered."""
        items = (await self.control.get("/records")).raise_for_status().json()["items"]
        return next(item for item in items if item["recording_id"] == str(recording))


def digest_header(packet: bytes) -> str:
    """Return RFC 9530's header for these bytes."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(packet).digest()).decode()}:"


def caller(keys: Path, url: str, timeout: float) -> httpx.AsyncClient:
    """Return a caller that trusts the local authority only."""
    trust = ssl.create_default_context(cafile=str(keys / "ca.pem"))
    return httpx.AsyncClient(base_url=url, verify=trust, timeout=timeout)


@asynccontextmanager
async def far_side(keys: Path, *, deduplication_seconds: float = 0.05, patience: float = 5) -> AsyncIterator[FarSide]:
    """Run a centre of its own."""
    settings = CentreSettings(keys_dir=keys, deduplication_seconds=deduplication_seconds)
    async with (
        running_centre(settings) as centre,
        caller(keys, centre.url, patience) as calls,
        httpx.AsyncClient(base_url=centre.control_url) as control,
    ):
        yield FarSide(calls, control, SealingKey.from_file(keys / "centre_sealing.public.json"))


@asynccontextmanager
async def far_side_by_line(keys: Path, *, patience: float = 1) -> AsyncIterator[FarSide]:
    """Run a centre and a line, and call through the line."""
    async with (
        running_centre(CentreSettings(keys_dir=keys)) as centre,
        running_line(LineSettings(target=("127.0.0.1", centre.port))) as line,
        caller(keys, f"https://localhost:{line.line.port}", patience) as calls,
        httpx.AsyncClient(base_url=centre.control_url) as control,
        httpx.AsyncClient(base_url=line.control_url) as line_control,
    ):
        key = SealingKey.from_file(keys / "centre_sealing.public.json")
        yield FarSide(calls, control, key, line_control, line.line.neutral_port)
