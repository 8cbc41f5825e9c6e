"""Neutral targets are reached by the same way of dialling as the centre, and nothing about them is ever raised."""

import asyncio
from pathlib import Path

import pytest

from services.recording.centre.neutral import reach
from shared.events.vocabulary import Phase
from tests.support.tls_server import Caller, server
from tools.keys import write_all
from tools.line.server import LineFault, LineSettings, running_line


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    write_all(folder)
    return folder


async def _listens(caller: Caller) -> None:
    await caller.reader.read()


async def test_a_target_that_listens_is_reached(keys: Path) -> None:
    async with server(keys, _listens) as target:
        reached = await reach("localhost", target.port, seconds=2.0)

    assert (reached.error, reached.phase_failed) == (None, None)
    assert reached.phases_ms["connect"] > 0
    assert reached.address is not None


async def test_a_closed_door_and_an_unknown_name_are_told_apart(keys: Path) -> None:
    async with server(keys, _listens) as target:
        pass
    refused, unknown = await asyncio.gather(
        reach("127.0.0.1", target.port, seconds=2.0), reach("neutral.invalid", 443, seconds=2.0)
    )

    assert (refused.phase_failed, refused.error) == (Phase.CONNECT, "ECONNREFUSED")
    assert unknown.phase_failed is Phase.RESOLVE


async def test_a_line_that_takes_no_connection_is_told_in_time(keys: Path) -> None:
    async with server(keys, _listens) as target, running_line(LineSettings(("127.0.0.1", target.port))) as line:
        line.line.die(LineFault(kind="down"))
        reached = await reach("127.0.0.1", line.line.port, seconds=0.5)

    assert (reached.phase_failed, reached.error) == (Phase.CONNECT, "deadline")
    assert reached.phases_ms["connect"] == pytest.approx(500, abs=300)


@pytest.mark.parametrize("host", ["a" * 80, "..", "not a name"])
async def test_an_address_that_is_none_is_an_answer_too(host: str) -> None:
    assert (await reach(host, 443, seconds=0.5)).error
