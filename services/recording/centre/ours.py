"""What is our own fault, of which nobody else is ever accused."""

from services.recording.centre.evidence import Evidence
from services.recording.centre.failures import CLOSED, NO_SLOT
from services.recording.domain.surroundings import Surroundings
from shared.events.vocabulary import Phase

LONGEST_LOOP_LAG_MS = 500.0
LARGEST_CLOCK_ERROR_SECONDS = 60.0
_OUR_OWN = frozenset(
    {CLOSED, NO_SLOT, "EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EADDRNOTAVAIL", "EACCES", "EPERM", "EAI_MEMORY"}
)
_OF_TIME = frozenset({"certificate_expired", "certificate_not_yet_valid"})
_NO_ROUTE = frozenset({"ENETUNREACH", "ENETDOWN"})
_AT_ONCE_MS = 2.0


def is_ours(evidence: Evidence, seen: Surroundings) -> bool:
    """Say whether a failure without an answer is our own."""
    return (
        evidence.phase_failed is None
        or evidence.error in _OUR_OWN
        or was_blocked(evidence)
        or is_by_our_clock(evidence, seen)
        or _has_no_route(evidence, seen)
    )


def was_blocked(evidence: Evidence) -> bool:
    """Say whether our event loop stood still for so long that nobody's silence can be measured."""
    return evidence.loop_lag_ms > LONGEST_LOOP_LAG_MS


def is_by_our_clock(evidence: Evidence, seen: Surroundings) -> bool:
    """Say whether a certificate's time was judged by a wrong clock."""
    return evidence.error in _OF_TIME and abs(seen.clock_off_seconds) > LARGEST_CLOCK_ERROR_SECONDS


def _has_no_route(evidence: Evidence, seen: Surroundings) -> bool:
    """Say whether our own kernel knew no route, at once, while another process by the same line got through."""
    is_at_once = evidence.phases_ms.get(Phase.CONNECT.value, 0.0) < _AT_ONCE_MS
    return (
        evidence.phase_failed is Phase.CONNECT
        and evidence.error in _NO_ROUTE
        and is_at_once
        and bool(seen.centre_answered)
    )
