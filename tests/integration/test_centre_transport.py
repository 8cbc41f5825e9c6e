"""Our way to the centre against real TLS servers: each trouble leaves its own evidence, and no call is sent twice."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.recording.centre.evidence import Answered, Call, Failed
from services.recording.centre.tls import trusting
from services.recording.centre.transport import Transport
from services.recording.centre.verdict import Verdict, after_failure
from shared.events.vocabulary import Cause, Effect, Phase
from tests.support.eventually import eventually
from tests.support.tls_server import Caller, Serve, server
from tools.keys import write_all
from tools.line.bridge import Cut
from tools.line.server import LineFault, LineSettings, running_line

OK = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{"is": "so"}'[:-1]
PATIENCE = 5.0
LINE_DEADLINE = 4.0


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    write_all(folder)
    return folder


@asynccontextmanager
async def transport(
    keys: Path, port: int, host: str = "localhost", connections: int = 4, idle_seconds: float = 30.0
) -> AsyncIterator[Transport]:
    opened = Transport(host, port, trusting(keys / "ca.pem"), connections=connections, idle_seconds=idle_seconds)
    try:
        yield opened
    finally:
        await opened.close()


def a_call(deadline: float = PATIENCE, body: bytes = b"") -> Call:
    return Call("PUT" if body else "GET", "/recordings/1", (), body, deadline, None)


def judged(outcome: Answered | Failed) -> Verdict:
    assert isinstance(outcome, Failed), outcome
    return after_failure(outcome.evidence)


async def answers(caller: Caller) -> None:
    while await caller.request():
        caller.writer.write(OK)


async def says_nothing(caller: Caller) -> None:
    await caller.reader.read()


def says(raw: bytes) -> Serve:
    async def serve(caller: Caller) -> None:
        await caller.request()
        caller.writer.write(raw)

    return serve


async def test_a_second_call_uses_the_open_connection_and_has_no_connecting_phases(keys: Path) -> None:
    async with server(keys, answers) as centre, transport(keys, centre.port) as line:
        first, second = await line.call(a_call()), await line.call(a_call(body=b"x" * 300_000))

    assert isinstance(first, Answered)
    assert isinstance(second, Answered)
    assert list(first.evidence.phases_ms) == ["resolve", "connect", "tls", "send", "wait", "receive"]
    assert list(second.evidence.phases_ms) == ["send", "wait", "receive"]
    assert (first.evidence.reused, second.evidence.reused, len(centre.callers)) == (False, True, 1)
    assert (second.status, second.evidence.phase_reached, second.evidence.phase_failed) == (200, Phase.RECEIVE, None)
    assert second.evidence.bytes_sent > 300_000


async def test_a_written_address_is_not_resolved(keys: Path) -> None:
    async with server(keys, answers) as centre, transport(keys, centre.port, "127.0.0.1") as line:
        outcome = await line.call(a_call())

    assert "resolve" not in outcome.evidence.phases_ms
    assert outcome.evidence.address == f"127.0.0.1:{centre.port}"


async def test_a_closed_door_is_refused(keys: Path) -> None:
    async with server(keys, answers) as centre:
        pass
    async with transport(keys, centre.port) as line:
        outcome = await line.call(a_call())

    assert judged(outcome).code == "connect_econnrefused"
    assert (judged(outcome).cause, judged(outcome).effect) == (Cause.SERVER, Effect.NONE)


async def test_a_name_that_does_not_resolve_is_the_network(keys: Path) -> None:
    async with transport(keys, 443, "centre.invalid") as line:
        outcome = await line.call(a_call())

    assert outcome.evidence.phase_failed is Phase.RESOLVE
    assert (judged(outcome).cause, judged(outcome).effect) == (Cause.NETWORK, Effect.NONE)


@pytest.mark.parametrize(
    ("certificate", "error"),
    [("wronghost.pem", "certificate_wrong_host"), ("expired.pem", "certificate_expired")],
)
async def test_a_certificate_that_does_not_fit_ends_in_tls(keys: Path, certificate: str, error: str) -> None:
    async with server(keys, answers, certificate) as centre, transport(keys, centre.port) as line:
        outcome = await line.call(a_call())

    assert (outcome.evidence.phase_failed, outcome.evidence.error) == (Phase.TLS, error)
    assert (judged(outcome).cause, judged(outcome).effect) == (Cause.SERVER, Effect.NONE)


async def test_a_centre_that_acknowledges_and_never_answers_is_slow(keys: Path) -> None:
    async with server(keys, says_nothing) as centre, transport(keys, centre.port) as line:
        outcome = await line.call(a_call(LINE_DEADLINE))

    assert (outcome.evidence.phase_failed, outcome.evidence.error) == (Phase.WAIT, "deadline")
    assert outcome.evidence.tcp is not None
    assert (outcome.evidence.tcp["retransmits"], outcome.evidence.tcp["unacked"]) == (0, 0)
    assert (judged(outcome).cause, judged(outcome).effect) == (Cause.SERVER, Effect.POSSIBLE)
    assert outcome.duration_ms == pytest.approx(LINE_DEADLINE * 1000, abs=400)


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


@pytest.mark.parametrize(
    ("raw", "phase", "error"),
    [
        (b"", Phase.WAIT, "eof"),
        (OK[:-4], Phase.RECEIVE, "eof"),
        (OK[:20], Phase.RECEIVE, "eof"),
        (b"\x00\xff no HTTP at all\r\n\r\n", Phase.RECEIVE, "protocol"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2000000\r\n\r\n" + b"x" * 2_000_000, Phase.RECEIVE, "too_large"),
    ],
)
async def test_half_answers_and_garbage_are_no_answer(keys: Path, raw: bytes, phase: Phase, error: str) -> None:
    async with server(keys, says(raw)) as centre, transport(keys, centre.port) as line:
        outcome = await line.call(a_call())

    assert (outcome.evidence.phase_failed, outcome.evidence.error) == (phase, error)
    assert (judged(outcome).cause, judged(outcome).effect) == (Cause.SERVER, Effect.POSSIBLE)


async def test_a_reset_in_mid_call_is_not_sent_again(keys: Path) -> None:
    async def resets_the_second(caller: Caller) -> None:
        await caller.request()
        caller.writer.write(OK)
        await caller.request()
        caller.writer.transport.abort()

    async with server(keys, resets_the_second) as centre, transport(keys, centre.port) as line:
        await line.call(a_call())
        outcome = await line.call(a_call(body=b"packet"))

        assert len(centre.callers) == 1
    assert outcome.evidence.reused
    assert (judged(outcome).cause, judged(outcome).effect) == (Cause.SERVER, Effect.POSSIBLE)


async def test_an_answer_delimited_by_the_end_of_the_connection_is_whole(keys: Path) -> None:
    async with server(keys, says(b"HTTP/1.1 200 OK\r\n\r\n{}")) as centre, transport(keys, centre.port) as line:
        outcome = await line.call(a_call())

    assert isinstance(outcome, Answered)
    assert outcome.body == b"{}"


async def test_a_connection_ended_while_idle_is_found_before_a_byte_is_written(keys: Path) -> None:
    async with server(keys, answers) as centre, transport(keys, centre.port) as line:
        await line.call(a_call())
        # Nothing is awaited in between: our loop cannot have seen the FIN, the pool must ask the kernel.
        centre.callers[0].end_at_once()
        outcome = await line.call(a_call(body=b"packet"))

    assert isinstance(outcome, Answered)
    assert not outcome.evidence.reused
    assert len(centre.callers) == 2


async def test_an_idle_connection_is_dropped_in_time(keys: Path) -> None:
    async with server(keys, answers) as centre, transport(keys, centre.port, idle_seconds=0.2) as line:
        await line.call(a_call())
        await eventually(centre.callers[0].reader.at_eof, within=2.0)

        assert not (await line.call(a_call())).evidence.reused


async def test_a_closed_transport_ends_calls_under_way_as_our_own(keys: Path) -> None:
    async with server(keys, says_nothing) as centre, transport(keys, centre.port) as line, asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(line.call(a_call()))
        await eventually(lambda: centre.callers)
        await line.close()

        assert judged(await waiting).cause is Cause.LOCAL
        assert judged(await line.call(a_call())).effect is Effect.NONE


async def test_a_cancelled_call_gives_its_slot_back(keys: Path) -> None:
    async def hangs_first(caller: Caller) -> None:
        await (says_nothing if len(centre.callers) == 1 else answers)(caller)

    async with server(keys, hangs_first) as centre, transport(keys, centre.port, connections=1) as line:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(line.call(a_call()), 0.2)

        assert isinstance(await line.call(a_call(1.0)), Answered)


async def test_a_call_that_finds_no_free_connection_is_our_own_fault(keys: Path) -> None:
    async with server(keys, says_nothing) as centre, transport(keys, centre.port, connections=1) as line:
        _, late = await asyncio.gather(line.call(a_call(0.6)), line.call(a_call(0.3)))

    assert (judged(late).cause, judged(late).effect) == (Cause.LOCAL, Effect.NONE)


async def test_a_blocked_loop_is_not_taken_for_a_slow_centre(keys: Path) -> None:
    async with server(keys, says_nothing) as centre, transport(keys, centre.port) as line, asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(line.call(a_call(1.0)))
        await eventually(lambda: centre.callers)
        time.sleep(0.8)  # noqa: ASYNC251  a blocked loop is the point
        outcome = await waiting

    assert outcome.evidence.loop_lag_ms > 500
    assert (judged(outcome).cause, judged(outcome).effect) == (Cause.LOCAL, Effect.POSSIBLE)
