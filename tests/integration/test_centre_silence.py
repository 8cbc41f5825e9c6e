"""Who fell silent: what the kernel knows of a call that nobody answered, against real servers and a real line."""

import asyncio
import socket
import threading
import time
from pathlib import Path

import pytest

from shared.events.vocabulary import Cause, Effect, Phase
from tests.support.eventually import eventually
from tests.support.tls_server import Caller, server
from tests.support.way_to_centre import (
    LINE_DEADLINE,
    PATIENCE,
    a_call,
    answers,
    judged,
    says_nothing,
    transport,
)
from tools.keys import write_all
from tools.line.bridge import Cut
from tools.line.server import LineFault, LineSettings, running_line


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    write_all(folder)
    return folder


async def test_a_centre_that_acknowledges_and_never_answers_is_slow(keys: Path) -> None:
    async with server(keys, says_nothing) as centre, transport(keys, centre.port) as line:
        outcome = await line.call(a_call(LINE_DEADLINE))

    assert (outcome.evidence.phase_failed, outcome.evidence.error) == (Phase.WAIT, "deadline")
    assert outcome.evidence.tcp is not None
    assert (outcome.evidence.tcp["retransmits"], outcome.evidence.tcp["unacked"]) == (0, 0)
    assert (judged(outcome).cause, judged(outcome).effect) == (Cause.SERVER, Effect.POSSIBLE)
    assert outcome.duration_ms == pytest.approx(LINE_DEADLINE * 1000, abs=400)
    assert "the centre's kernel acknowledged for" in judged(outcome).because


async def test_the_wait_is_kept_as_a_history(keys: Path) -> None:
    async with server(keys, says_nothing) as centre, transport(keys, centre.port) as line:
        outcome = await line.call(a_call(LINE_DEADLINE))

    evidence = outcome.evidence
    assert [sample["at_ms"] for sample in evidence.samples] == pytest.approx([1000, 2000, 3000, 4000], abs=400)
    assert evidence.samples[-1] == evidence.tcp
    assert {"rtt_us", "total_retrans", "snd_wnd", "last_ack_ms", "bytes_acked"} <= evidence.samples[0].keys()
    assert list(evidence.phases_at_ms) == ["resolve", "connect", "tls", "send", "wait"]
    assert evidence.samples[0]["bytes_acked"] >= evidence.bytes_sent


async def test_a_packet_that_our_own_kernel_holds_has_not_been_taken_by_the_centre(keys: Path) -> None:
    async def reads_nothing(caller: Caller) -> None:
        caller.stop_reading()
        await centre.over.wait()

    async with server(keys, reads_nothing) as centre, transport(keys, centre.port) as line:
        outcome = await line.call(a_call(LINE_DEADLINE, b"x" * 7_000_000))

    assert outcome.evidence.tcp is not None
    assert outcome.evidence.tcp["bytes_acked"] < 7_000_000
    assert outcome.evidence.is_still_leaving
    assert judged(outcome).cause is Cause.SERVER
    assert "kept its window shut" in judged(outcome).because


async def test_a_look_up_that_hangs_ends_at_the_deadline_and_the_next_call_shares_it(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    let_go = threading.Event()

    def hangs(*what: object, **_how: object) -> list[object]:
        asked.append(what)
        let_go.wait(PATIENCE)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    async with transport(keys, 443, "centre.invalid") as line:
        first, second = await line.call(a_call(0.3)), await line.call(a_call(0.3))
        let_go.set()

    for outcome in (first, second):
        assert (outcome.evidence.phase_failed, outcome.evidence.error) == (Phase.RESOLVE, "deadline")
        assert (judged(outcome).cause, judged(outcome).effect) == (Cause.NETWORK, Effect.NONE)
    assert len(asked) == 1


async def test_a_centre_that_stops_reading_closes_its_window(keys: Path) -> None:
    async def reads_nothing(caller: Caller) -> None:
        caller.stop_reading()
        await centre.over.wait()

    async with server(keys, reads_nothing) as centre, transport(keys, centre.port) as line:
        outcome = await line.call(a_call(LINE_DEADLINE, b"x" * 30_000_000))

    assert outcome.evidence.tcp is not None
    assert outcome.evidence.tcp["snd_wnd"] == 0
    assert 0 < outcome.evidence.bytes_sent < 30_000_000
    assert (judged(outcome).cause, judged(outcome).effect) == (Cause.SERVER, Effect.POSSIBLE)


async def test_a_line_cut_while_waiting_is_the_network(keys: Path) -> None:
    arrived = asyncio.Event()

    async def takes_and_says_nothing(caller: Caller) -> None:
        await caller.request()
        arrived.set()
        await caller.reader.read()

    async with (
        server(keys, takes_and_says_nothing) as centre,
        running_line(LineSettings(("127.0.0.1", centre.port))) as cut,
        transport(keys, cut.line.port) as line,
        asyncio.TaskGroup() as tasks,
    ):
        waiting = tasks.create_task(line.call(a_call(LINE_DEADLINE)))
        await asyncio.wait_for(arrived.wait(), PATIENCE)
        cut.line.die(LineFault(kind="down"))
        how = cut.line.shown()["open_connections"]
        outcome = await waiting
    if how == Cut.ABANDONED:
        pytest.skip("a true cut needs a privilege that this process has not")

    assert (judged(outcome).cause, judged(outcome).effect) == (Cause.NETWORK, Effect.POSSIBLE)


async def test_a_line_that_takes_no_connection_is_the_network_and_costs_nothing(keys: Path) -> None:
    async with (
        server(keys, answers) as centre,
        running_line(LineSettings(("127.0.0.1", centre.port))) as down,
        transport(keys, down.line.port) as line,
    ):
        down.line.die(LineFault(kind="down"))
        outcome = await line.call(a_call(1.0))

    assert (outcome.evidence.phase_failed, outcome.evidence.error) == (Phase.CONNECT, "deadline")
    assert (judged(outcome).cause, judged(outcome).effect) == (Cause.NETWORK, Effect.NONE)


async def test_a_blocked_loop_is_not_taken_for_a_slow_centre(keys: Path) -> None:
    async with server(keys, says_nothing) as centre, transport(keys, centre.port) as line, asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(line.call(a_call(1.0)))
        await eventually(lambda: centre.callers)
        time.sleep(0.8)  # noqa: ASYNC251  a blocked loop is the point
        outcome = await waiting

    assert outcome.evidence.loop_lag_ms > 500
    assert (judged(outcome).cause, judged(outcome).effect) == (Cause.LOCAL, Effect.POSSIBLE)
