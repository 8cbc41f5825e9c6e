"""Our own client on its way over a line to a centre, all of its own: what it sees of troubles is its evidence."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx

from services.recording.centre.client import CentreClient
from services.recording.centre.evidence import Evidence
from services.recording.centre.reading import Failure, Reading, Said
from tools.centre.server import CentreSettings, RunningCentre, running_centre
from tools.line.server import LineSettings, RunningLine, running_line

DEADLINE = 4.0
SMALL = b"CONTOH"


@dataclass(slots=True)
class Way:
    """One client, its line and its centre."""

    client: CentreClient
    running: RunningLine
    centre: RunningCentre

    async def submits(self, packet: bytes, recording: UUID | None = None, within: float = DEADLINE) -> Reading:
        """Send a packet."""
        recording = recording or uuid4()
        return await self.client.submit(
            recording,
            packet=packet,
            digest=f"sha-256:{hashlib.sha256(packet).hexdigest()}",
            key=f"{recording}:submission:1",
            attempt_id=uuid4(),
            deadline_seconds=within,
        )

    async def fails(self, packet: bytes) -> Evidence:
        """Send a packet that gets no answer."""
        reading = await self.submits(packet)
        assert isinstance(reading, Failure), reading
        return reading.evidence

    async def works(self, within: float = DEADLINE) -> Evidence:
        """Ask for what cannot exist."""
        reading = await self.client.probe(deadline_seconds=within)
        assert isinstance(reading, Said), reading
        return reading.evidence

    async def goes_wrong(self, operation: str, **fault: Any) -> None:
        """Switch a fault of the centre on."""
        async with httpx.AsyncClient(base_url=self.centre.control_url) as control:
            (await control.put(f"/faults/{operation}", json=fault)).raise_for_status()

    @property
    def submissions(self) -> list[Any]:
        """What the centre answered to submissions."""
        seen = self.centre.centre.journal.after(0, 100)
        return [entry["answer"] for entry in seen if entry["operation"] == "submission"]

    @property
    def last(self) -> tuple[str, int]:
        """The last fault's kind and its hits."""
        death = self.running.line.history[-1]
        return death.kind, death.hits


@asynccontextmanager
async def way(keys: Path, *, is_used: bool = False) -> AsyncIterator[Way]:
    """Run a centre, a line and a client until the block ends."""
    async with (
        running_centre(CentreSettings(keys_dir=keys)) as centre,
        running_line(LineSettings(target=("127.0.0.1", centre.port))) as line,
    ):
        client = CentreClient(f"https://localhost:{line.line.port}", keys / "ca.pem")
        here = Way(client, line, centre)
        if is_used:
            await here.works()
        yield here
        await client.close()


async def on_both(keys: Path, see: Callable[[Way], Awaitable[None]]) -> None:
    """See the same on a way never used and on one whose connection waits in the pool, both at once."""

    async def on(is_used: bool) -> None:  # noqa: FBT001  a test's own case
        async with way(keys, is_used=is_used) as here:
            await see(here)

    async with asyncio.TaskGroup() as tasks:
        for is_used in (False, True):
            tasks.create_task(on(is_used))


def tcp_of(evidence: Evidence) -> dict[str, int]:
    """Give what the kernel knew."""
    assert evidence.tcp is not None
    return evidence.tcp
