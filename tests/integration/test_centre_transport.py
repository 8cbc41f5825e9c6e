"""Our way to the centre against real TLS servers: each trouble leaves its own evidence, and no call is sent twice."""

import asyncio
from pathlib import Path

import pytest

from services.recording.centre.evidence import Answered
from shared.events.vocabulary import Cause, Effect, Owner, Phase
from tests.support.eventually import eventually
from tests.support.tls_server import Caller, server
from tests.support.way_to_centre import (
    OK,
    a_call,
    answers,
    judged,
    says,
    says_nothing,
    transport,
)
from tools.keys import write_all


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    write_all(folder)
    return folder


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
    assert outcome.evidence.verify_code in (10, 62)
    assert (judged(outcome).cause, judged(outcome).effect) == (Cause.SERVER, Effect.NONE)


async def test_an_orderly_end_is_the_centres_own_word_and_a_reset_is_not(keys: Path) -> None:
    async def closes(caller: Caller) -> None:
        await caller.request()

    async def resets(caller: Caller) -> None:
        await caller.request()
        caller.writer.transport.abort()

    async with server(keys, closes) as centre, transport(keys, centre.port) as line:
        in_order = await line.call(a_call())
    async with server(keys, resets) as centre, transport(keys, centre.port) as line:
        cut_short = await line.call(a_call())

    assert (in_order.evidence.ended_in_order, judged(in_order).owner) == (True, Owner.CENTRE)
    assert (cut_short.evidence.ended_in_order, judged(cut_short).owner) == (False, Owner.UNDETERMINED)


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
