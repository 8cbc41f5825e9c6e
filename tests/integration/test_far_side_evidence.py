"""What each trouble of the line and of the centre leaves as evidence with our own client, on fresh and on used ways."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from services.recording.centre.reading import Failure, Said
from shared.events.vocabulary import Phase
from tests.support.eventually import eventually
from tests.support.far_way import SMALL, Way, on_both, tcp_of, way
from tools.keys import write_all
from tools.line import cuts
from tools.line.bridge import Cut
from tools.line.faults import Kind
from tools.line.server import LineFault

LARGE = b"CONTOH" * 50_000
HUGE = bytes(16 * 1024 * 1024)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    write_all(folder)
    return folder


@pytest.fixture(scope="module")
def true_cuts() -> None:
    with socket.socket() as raw:
        try:
            cuts.discard_beyond(raw, 0)
        except PermissionError:
            pytest.skip("a true cut needs CAP_NET_ADMIN, which this process has not")


@pytest.mark.usefixtures("true_cuts")
@pytest.mark.parametrize("packet", [SMALL, LARGE], ids=["small", "large"])
async def test_a_request_that_vanishes_is_sent_again_and_again_by_the_kernel(keys: Path, packet: bytes) -> None:
    async def see(here: Way) -> None:
        here.running.line.die(LineFault(kind="cut_before_request"))
        evidence = await here.fails(packet)

        assert (evidence.phase_failed, evidence.error) == (Phase.WAIT, "deadline")
        assert tcp_of(evidence)["retransmits"] >= 2
        assert tcp_of(evidence)["unacked"] >= 1
        assert tcp_of(evidence)["bytes_acked"] < 100
        assert (here.submissions, here.last) == ([], ("cut_before_request", 1))

    await on_both(keys, see)


@pytest.mark.usefixtures("true_cuts")
async def test_a_line_that_goes_down_acknowledges_nothing_from_that_moment_on(keys: Path) -> None:
    async with way(keys, is_used=True) as here:
        here.running.line.die(LineFault(kind="down"))
        evidence = await here.fails(SMALL)

        assert (evidence.phase_failed, evidence.error, evidence.reused) == (Phase.WAIT, "deadline", True)
        assert tcp_of(evidence)["retransmits"] >= 2
        assert tcp_of(evidence)["bytes_acked"] == 0


@pytest.mark.usefixtures("true_cuts")
async def test_a_line_cut_while_the_answer_is_awaited_leaves_unanswered_probes(keys: Path) -> None:
    async def see(here: Way) -> None:
        here.running.line.die(LineFault(kind="cut_while_waiting"))
        evidence = await here.fails(LARGE)

        assert (evidence.phase_failed, evidence.error) == (Phase.WAIT, "deadline")
        assert tcp_of(evidence)["probes"] >= 2
        assert (tcp_of(evidence)["retransmits"], tcp_of(evidence)["unacked"]) == (0, 0)
        assert evidence.bytes_sent > len(LARGE)
        assert (here.submissions, here.last) == ([201], ("cut_while_waiting", 1))

    await on_both(keys, see)


@pytest.mark.usefixtures("true_cuts")
async def test_an_upload_dies_after_so_many_bytes_and_small_calls_work(keys: Path) -> None:
    async def see(here: Way) -> None:
        here.running.line.die(LineFault(kind="cut_after_bytes", after_bytes=100_000))
        await here.works()
        await here.works()
        evidence = await here.fails(LARGE)

        assert evidence.error == "deadline"
        assert evidence.reused
        assert tcp_of(evidence)["retransmits"] >= 2
        assert tcp_of(evidence)["bytes_acked"] == 100_000
        assert (here.submissions, here.last) == ([], ("cut_after_bytes", 1))

    await on_both(keys, see)


async def test_a_centre_that_stops_reading_closes_its_window(keys: Path) -> None:
    async def see(here: Way) -> None:
        await here.goes_wrong("submission", kind="stops_reading")
        evidence = await here.fails(HUGE)

        assert (evidence.phase_failed, evidence.error) == (Phase.SEND, "deadline")
        assert tcp_of(evidence)["snd_wnd"] == 0
        assert evidence.bytes_sent < len(HUGE)
        assert here.submissions == ["stops_reading"]

    await on_both(keys, see)


async def test_a_firewall_refuses_and_resets_and_the_port_opens_again(keys: Path) -> None:
    async def see(here: Way) -> None:
        here.running.line.die(LineFault(kind="reject", neutral=True))
        await eventually(lambda: not here.running.line.shown()["connections"])
        evidence = await here.fails(SMALL)

        assert (evidence.phase_failed, evidence.error) == (Phase.CONNECT, "ECONNREFUSED")
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", here.running.line.neutral_port)
        here.running.line.come_back()
        assert isinstance(await here.submits(SMALL), Said)

    await on_both(keys, see)


async def test_a_firewall_that_closes_in_mid_call_resets_it(keys: Path) -> None:
    async with way(keys) as here:
        await here.goes_wrong("submission", kind="hang")
        call = asyncio.ensure_future(here.fails(SMALL))
        await eventually(lambda: here.submissions)
        here.running.line.die(LineFault(kind="reject"))
        evidence = await call

    assert (evidence.phase_failed, evidence.error) == (Phase.WAIT, "ECONNRESET")


async def test_a_far_line_answers_late_and_carries_as_much_as_ever(keys: Path) -> None:
    async def see(here: Way) -> None:
        here.running.line.die(LineFault(kind="latency", milliseconds=400))
        reading = await here.submits(bytes(4_000_000))

        assert isinstance(reading, Said)
        # A fresh way takes one round trip more, for TLS; a delay for each piece would take many seconds.
        trips = 1 if reading.evidence.reused else 2
        assert 400 * trips <= reading.duration_ms < 400 * trips + 1_000

    await on_both(keys, see)


async def test_a_narrow_line_carries_all_of_it_slowly(keys: Path) -> None:
    async def see(here: Way) -> None:
        here.running.line.die(LineFault(kind="bandwidth", bytes_per_second=400_000))
        reading = await here.submits(bytes(600_000))

        assert isinstance(reading, Said)
        assert 1_300 <= reading.duration_ms < 3_000
        here.running.line.come_back()
        wide = await here.submits(HUGE)
        assert isinstance(wide, Said)
        assert wide.duration_ms < 2_000

    await on_both(keys, see)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "cut_before_request"},
        {"kind": "cut_while_waiting"},
        {"kind": "cut_after_bytes", "after_bytes": 50_000},
        {"kind": "latency", "milliseconds": 3_000},
        {"kind": "bandwidth", "bytes_per_second": 50_000},
    ],
    ids=lambda fault: fault["kind"],
)
async def test_a_call_under_way_is_answered_when_the_line_returns(keys: Path, fault: dict[str, Any]) -> None:
    async def see(here: Way) -> None:
        here.running.line.die(LineFault(**fault, seconds=0.6))
        reading = await here.submits(LARGE)

        assert isinstance(reading, Said), reading
        assert reading.duration_ms > 400
        assert here.running.line.history[-1].returned_at is not None
        assert here.submissions == [201]

    await on_both(keys, see)


@pytest.mark.usefixtures("true_cuts")
@pytest.mark.parametrize("kind", ["cut_before_request", "cut_while_waiting"])
async def test_a_cut_of_one_call_lets_the_next_one_through_on_another_open_connection(keys: Path, kind: Kind) -> None:
    async with way(keys) as here:
        await asyncio.gather(here.works(), here.works())
        here.running.line.die(LineFault(kind=kind, times=1))
        cut = await here.submits(SMALL, within=1.0)
        next_one = await here.works()

        assert isinstance(cut, Failure)
        assert (cut.evidence.reused, next_one.reused) == (True, True)
        assert here.last == (kind, 1)


@pytest.mark.parametrize(
    "fault",
    [{"kind": "cut_before_request"}, {"kind": "cut_while_waiting"}, {"kind": "cut_after_bytes", "after_bytes": 50_000}],
    ids=lambda fault: fault["kind"],
)
async def test_without_the_privilege_a_cut_is_told_to_look_like_a_slow_server(
    keys: Path, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    def forbid(*_: object) -> None:
        raise PermissionError

    async def see(here: Way) -> None:
        here.running.line.die(LineFault(**fault))
        reading = await here.submits(LARGE, within=1.0)

        assert isinstance(reading, Failure)
        assert tcp_of(reading.evidence)["retransmits"] == 0
        assert here.running.line.shown()["open_connections"] == Cut.ABANDONED
        assert here.last == (fault["kind"], 1)
        here.running.line.come_back()
        await here.works()

    monkeypatch.setattr(cuts, "discard_all", forbid)
    monkeypatch.setattr(cuts, "discard_beyond", forbid)
    await on_both(keys, see)


async def test_a_share_hits_some_calls_on_one_connection_and_not_others(keys: Path) -> None:
    async with way(keys) as here:
        here.running.line.die(LineFault(kind="cut_while_waiting", share=0.0))
        await here.works()
        here.running.line.die(LineFault(kind="cut_before_request", share=0.0))
        await here.works()
        assert [death.hits for death in here.running.line.history] == [0, 0]
