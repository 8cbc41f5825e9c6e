"""One English sentence that explains a verdict with numbers; constants and counters only, so it names no person."""

from services.recording.centre.endings import died_of_its_size
from services.recording.centre.evidence import Evidence
from services.recording.centre.failures import DEADLINE, EOF
from services.recording.centre.ours import is_by_our_clock, was_blocked
from services.recording.centre.silence import is_moving
from services.recording.centre.witnesses import is_cut
from services.recording.domain.surroundings import Surroundings
from shared.events.vocabulary import Cause, Phase

_LONGEST = 200
_LONGEST_NAME = 48
_SECOND = 1000
_BEFORE = {
    Phase.RESOLVE: "the name did not resolve",
    Phase.CONNECT: "no connection",
    Phase.TLS: "no TLS session",
}


def because(evidence: Evidence, seen: Surroundings, cause: Cause) -> str:
    """Tell what happened, and what others saw meanwhile where that was weighed."""
    told = _told(evidence, seen)
    heard = "" if cause is Cause.LOCAL or evidence.status is not None else _heard(seen)
    return (told + heard)[:_LONGEST]


def _told(evidence: Evidence, seen: Surroundings) -> str:
    if evidence.status is not None:
        return f"{_way(evidence)}, {_answer(evidence)} after {_span(evidence.elapsed_ms)}"
    if evidence.phase_failed is None:
        return f"nothing left this machine: {_name(evidence)}"
    if was_blocked(evidence):
        return f"our own event loop stood still for {_span(evidence.loop_lag_ms)} during the call: {_ending(evidence)}"
    if is_by_our_clock(evidence, seen):
        return f"our clock is {abs(seen.clock_off_seconds):,.0f} s off the database's: {_name(evidence)}"
    if evidence.phase_failed in _BEFORE:
        return _before(evidence, evidence.phase_failed)
    return f"{_way(evidence)}, {_ending(evidence)}"


def _before(evidence: Evidence, phase: Phase) -> str:
    spent = _span(evidence.phases_ms.get(phase.value, 0.0))
    way = f"{_connected(evidence)}, " if phase is Phase.TLS else ""
    if evidence.error == DEADLINE:
        return f"{way}{_BEFORE[phase]}: no answer in {spent}"
    verify = f", verify code {evidence.verify_code}" if evidence.verify_code is not None else ""
    return f"{way}{_BEFORE[phase]}: {_name(evidence)} after {spent}{verify}"


def _way(evidence: Evidence) -> str:
    return f"{_connected(evidence)}, sent {evidence.bytes_sent:,} bytes"


def _connected(evidence: Evidence) -> str:
    if evidence.reused:
        return "on an open connection"
    return f"connected in {_span(evidence.phases_ms.get(Phase.CONNECT.value, 0.0))}"


def _answer(evidence: Evidence) -> str:
    if evidence.error is None:
        return f"the centre answered {evidence.status}"
    return f"the centre answered {evidence.status} with {_name(evidence)}"


def _ending(evidence: Evidence) -> str:
    if evidence.error == DEADLINE:
        return _silence(evidence)
    spent = _span(evidence.elapsed_ms)
    if evidence.ended_in_order:
        return f"the centre closed the connection in order after {spent}, {_received(evidence)}"
    if died_of_its_size(evidence):
        return f"died of {_name(evidence)} after {_acknowledged(evidence)} of it"
    ended = "closed without a word" if evidence.error == EOF else f"ended by {_name(evidence)}"
    return f"the connection was {ended} after {spent}, {_received(evidence)}"


def _silence(evidence: Evidence) -> str:
    tcp = evidence.tcp
    waited = _span(evidence.phases_ms.get(evidence.phase_failed.value, 0.0) if evidence.phase_failed else 0.0)
    if tcp is None:
        return f"no answer in {waited}, the kernel tells nothing"
    last_ack = _span(tcp.get("last_ack_ms", 0))
    is_window_open = tcp.get("snd_wnd") != 0
    if is_window_open and is_cut(tcp):
        tried = f"{tcp.get('retransmits', 0)} retransmits, {tcp.get('probes', 0)} probes"
        return f"no acknowledgement for {last_ack}, {tried}"
    if evidence.is_still_leaving and (is_window_open or is_moving(evidence)):
        return f"still sending at the deadline, {_acknowledged(evidence)} acknowledged in {waited}"
    if not is_window_open:
        return f"the centre's kernel kept its window shut, {_acknowledged(evidence)} taken in {waited}"
    return f"the centre's kernel acknowledged for {waited} (last {last_ack} ago), no answer"


def _heard(seen: Surroundings) -> str:
    told = {
        "neutral target": seen.neutral_reached,
        "probe": seen.centre_answered,
        "second way": seen.second_way_answered,
    }
    known = [
        f"{name} {'answered' if answered else 'unanswered'}" for name, answered in told.items() if answered is not None
    ]
    return f"; {', '.join(known)}" if known else "; no second witness"


def _acknowledged(evidence: Evidence) -> str:
    acked = (evidence.tcp or {}).get("bytes_acked", evidence.bytes_sent)
    return f"{max(acked, 0):,} bytes"


def _received(evidence: Evidence) -> str:
    return f"{evidence.bytes_received:,} bytes received" if evidence.bytes_received else "no answer"


def _name(evidence: Evidence) -> str:
    return (evidence.error or "no error")[:_LONGEST_NAME]


def _span(milliseconds: float) -> str:
    return f"{milliseconds:,.0f} ms" if milliseconds < _SECOND else f"{milliseconds / _SECOND:,.1f} s"
