"""Evidence as a call to the centre leaves it, for tests of the verdict."""

from services.recording.centre.evidence import Evidence
from shared.events.vocabulary import Phase

ALIVE = {
    "retransmits": 0,
    "probes": 0,
    "unacked": 0,
    "last_ack_ms": 800,
    "snd_wnd": 65535,
    "bytes_acked": 330,
    "at_ms": 8000,
}
CUT_WHILE_WAITING = ALIVE | {"probes": 7, "last_ack_ms": 7900}
CUT_BEFORE = ALIVE | {"retransmits": 4, "unacked": 1, "last_ack_ms": 7900, "bytes_acked": 0}
WINDOW_SHUT = ALIVE | {"snd_wnd": 0, "probes": 2, "last_ack_ms": 3000, "bytes_acked": 90}
_BEFORE = (Phase.RESOLVE, Phase.CONNECT, Phase.TLS)


def failed(
    phase: Phase | None,
    error: str,
    *,
    tcp: dict[str, int] | None = None,
    sent: int = 300,
    loop_lag_ms: float = 0.0,
    ended_in_order: bool = False,
    seconds: float = 8.0,
) -> Evidence:
    """Give what a call leaves that got no answer."""
    return Evidence(
        phase_reached=phase,
        phase_failed=phase,
        phases_ms={phase.value: seconds * 1000} if phase else {},
        error=error,
        address="127.0.0.1:443",
        bytes_sent=0 if phase is None or phase in _BEFORE else sent,
        bytes_received=0,
        reused=False,
        tcp=tcp,
        loop_lag_ms=loop_lag_ms,
        samples=(tcp,) if tcp else (),
        ended_in_order=ended_in_order,
    )


def answered(status: int, error: str | None = None, retry_after_seconds: float | None = None) -> Evidence:
    """Give what a call leaves that was answered by HTTP."""
    return Evidence(
        phase_reached=Phase.RECEIVE,
        phase_failed=None,
        phases_ms={"connect": 12.0, "wait": 300.0},
        error=error,
        address="127.0.0.1:443",
        bytes_sent=300,
        bytes_received=120,
        reused=False,
        tcp=None,
        loop_lag_ms=0.0,
        status=status,
        retry_after_seconds=retry_after_seconds,
    )
