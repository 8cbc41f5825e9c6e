"""The far network drops, refuses and forgets names, and our own client tells which."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.netns import FarNetwork, far_network
from tools.centre.server import CentreSettings, running_centre
from tools.keys import write_all
from tools.line.server import LineFault, LineSettings, RunningLine, running_line

_PROBES = """
import asyncio, json, sys
from services.recording.centre.client import CentreClient

async def main():
    client = CentreClient(sys.argv[1], sys.argv[2])
    for _ in sys.stdin:
        reading = await client.probe(deadline_seconds=float(sys.argv[3]))
        print(json.dumps(reading.evidence.as_json()), flush=True)
    await client.close()

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    write_all(folder)
    return folder


@pytest.fixture(scope="module")
def net() -> Any:
    with far_network() as made:
        yield made


@dataclass(slots=True)
class Prober:
    """A process with our client, elsewhere."""

    process: asyncio.subprocess.Process

    async def probe(self) -> tuple[str | None, str | None]:
        """Probe once and give the phase that failed and the error."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        evidence = json.loads(await asyncio.wait_for(self.process.stdout.readline(), 20))
        return evidence["phase_failed"], evidence["error"]


@asynccontextmanager
async def prober(command: list[str]) -> AsyncIterator[Prober]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    try:
        yield Prober(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        assert await asyncio.wait_for(process.wait(), 10) == 0


@asynccontextmanager
async def line_in(net: FarNetwork, keys: Path) -> AsyncIterator[RunningLine]:
    async with running_centre(CentreSettings(keys_dir=keys)) as centre:
        target = ("127.0.0.1", centre.port)
        settings = LineSettings(
            target, host=net.address, names_port=53, neutral_host="127.0.0.1", namespace=net.namespace
        )
        async with running_line(settings) as line:
            yield line


def probes(line: RunningLine, keys: Path, deadline: float) -> list[str]:
    return [sys.executable, "-c", _PROBES, f"https://localhost:{line.line.port}", str(keys / "ca.pem"), str(deadline)]


async def test_a_firewall_that_drops_is_silence_and_one_that_rejects_is_a_refusal(net: FarNetwork, keys: Path) -> None:
    async with line_in(net, keys) as line, prober(net.knowing(probes(line, keys, 4.0), "localhost")) as far:
        assert await far.probe() == (None, None)
        net.drop()
        assert await far.probe() == ("wait", "deadline")
        assert await far.probe() == ("connect", "deadline")
        net.reject()
        assert await far.probe() == ("connect", "ECONNREFUSED")
        net.heal()
        assert await far.probe() == (None, None)
        net.reject()
        assert await far.probe() == ("wait", "ECONNRESET")
        net.heal()


async def test_a_name_server_that_fails_or_falls_silent_is_a_name_that_does_not_resolve(
    net: FarNetwork, keys: Path
) -> None:
    async with line_in(net, keys) as line, prober(net.resolving(probes(line, keys, 4.0))) as far:
        line.line.die(LineFault(kind="dns"))
        assert await far.probe() == ("resolve", "EAI_AGAIN")
        line.line.die(LineFault(kind="dns", answer="nothing"))
        phase, error = await far.probe()
        assert (phase, error in ("EAI_AGAIN", "deadline")) == ("resolve", True)
        line.line.come_back()
        assert await far.probe() == (None, None)


async def test_a_cut_in_the_far_network_is_as_true(net: FarNetwork, keys: Path) -> None:
    async with line_in(net, keys) as line, prober(net.knowing(probes(line, keys, 1.0), "localhost")) as far:
        line.line.die(LineFault(kind="cut_before_request"))
        assert await far.probe() == ("wait", "deadline")
        line.line.die(LineFault(kind="reject"))
        assert await far.probe() == ("connect", "ECONNREFUSED")
        line.line.die(LineFault(kind="down"))
        assert await far.probe() == ("connect", "deadline")
        line.line.come_back()
        assert await far.probe() == (None, None)
