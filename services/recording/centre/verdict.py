"""From evidence to cause, effect and owner: the tables of ARCHITECTURE section 4, pure.

One source alone names no other agency: until a second source agrees the owner is undetermined, unless the centre
itself answered.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.recording.centre.evidence import Evidence
from services.recording.centre.failures import CLOSED, DEADLINE, NO_SLOT
from shared.events.vocabulary import Cause, Effect, Owner, Phase

LONGEST_LOOP_LAG_MS = 500.0
RETRANSMITS_OF_A_CUT = 2
PROBES_OF_A_CUT = 2
FRESH_ACK_MS = 2500

_BEFORE_THE_REQUEST = frozenset({None, Phase.RESOLVE, Phase.CONNECT, Phase.TLS})
_OUR_OWN = frozenset(
    {CLOSED, NO_SLOT, "EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EADDRNOTAVAIL", "EACCES", "EPERM", "EAI_MEMORY"}
)
_NO_WAY_THERE = frozenset({"ETIMEDOUT", "EHOSTUNREACH", "EHOSTDOWN", "ENETUNREACH", "ENETDOWN", "ENETRESET"})
_ASKED_TO_WAIT = frozenset({429, 503})
_CLIENT_ERRORS = range(400, 500)


@dataclass(frozen=True, slots=True)
class Verdict:
    cause: Cause
    effect: Effect
    owner: Owner
    code: str
    retry_after_seconds: float | None = None


def after_failure(evidence: Evidence) -> Verdict:
    """Judge a call that got no answer."""
    cause = Cause.LOCAL if evidence.loop_lag_ms > LONGEST_LOOP_LAG_MS else _cause(evidence)
    owner = Owner.US if cause is Cause.LOCAL else Owner.UNDETERMINED
    phase = evidence.phase_failed.value if evidence.phase_failed else "start"
    return Verdict(cause, _effect(evidence), owner, f"{phase}_{evidence.error}".lower())


def after_answer(status: int, headers: Mapping[str, str]) -> Verdict:
    """Judge an answer by HTTP that means nothing else in its operation."""
    code = f"http_{status}"
    if status in _ASKED_TO_WAIT:
        return Verdict(Cause.SERVER, Effect.NONE, Owner.CENTRE, code, _retry_after(headers))
    if status in _CLIENT_ERRORS:
        # The centre read the request and would not have it: we sent something wrong.
        return Verdict(Cause.LOCAL, Effect.KNOWN, Owner.US, code)
    return Verdict(Cause.SERVER, Effect.POSSIBLE, Owner.CENTRE, code)


def _effect(evidence: Evidence) -> Effect:
    if evidence.phase_failed in _BEFORE_THE_REQUEST or evidence.bytes_sent == 0:
        return Effect.NONE
    return Effect.POSSIBLE


def _cause(evidence: Evidence) -> Cause:
    if evidence.phase_failed is None or evidence.error in _OUR_OWN:
        return Cause.LOCAL
    if evidence.phase_failed is Phase.RESOLVE or evidence.error in _NO_WAY_THERE:
        return Cause.NETWORK
    if evidence.error != DEADLINE:
        return Cause.SERVER
    return Cause.NETWORK if evidence.phase_failed is Phase.CONNECT else _cause_of_silence(evidence)


def _cause_of_silence(evidence: Evidence) -> Cause:
    tcp = evidence.tcp
    if tcp is None:
        return Cause.UNKNOWN
    is_window_open = tcp.get("snd_wnd") != 0
    if is_window_open and (tcp["retransmits"] >= RETRANSMITS_OF_A_CUT or tcp["probes"] >= PROBES_OF_A_CUT):
        return Cause.NETWORK
    if not is_window_open:
        return Cause.SERVER
    # While our bytes are still leaving, fresh ACKs say only that the line is slow: no one's silence yet.
    if tcp["last_ack_ms"] < FRESH_ACK_MS and evidence.phase_failed is not Phase.SEND:
        return Cause.SERVER
    return Cause.UNKNOWN


def _retry_after(headers: Mapping[str, str]) -> float | None:
    seconds = headers.get("retry-after", "")
    return float(seconds) if seconds.isascii() and seconds.isdigit() else None
