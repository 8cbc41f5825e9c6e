"""What other witnesses allow to be said of the way to the centre; where they contradict each other nobody is named."""

from dataclasses import dataclass, replace
from typing import TypeAlias

from services.recording.centre.evidence import Evidence
from services.recording.centre.failures import DEADLINE
from services.recording.domain.surroundings import NOBODY_KNOWS, Surroundings
from shared.events.vocabulary import Cause, Confidence, Owner

FRESH_SECONDS = 2.0
RETRANSMITS_OF_A_CUT = 2
PROBES_OF_A_CUT = 2
_OF_PATIENCE = frozenset({DEADLINE, "ETIMEDOUT"})

Named: TypeAlias = tuple[Owner, Confidence]
NOBODY: Named = (Owner.UNDETERMINED, Confidence.LOW)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found: whose side, who exactly, and how far that can be leaned on."""

    cause: Cause
    owner: Owner
    confidence: Confidence


def found(cause: Cause, named: Named = NOBODY) -> Finding:
    """Join a cause with who is named."""
    return Finding(cause, *named)


def heard_meanwhile(surroundings: Surroundings, evidence: Evidence) -> Surroundings:
    """Leave out what was seen before the trouble began: a line that was well then may have died since."""
    if surroundings.seconds_old <= max(_trouble_ms(evidence) / 1000, FRESH_SECONDS):
        return surroundings
    return replace(NOBODY_KNOWS, clock_off_seconds=surroundings.clock_off_seconds)


def _trouble_ms(evidence: Evidence) -> float:
    """Say for how long the trouble lasted at least; what ends by itself may have begun a moment before."""
    if evidence.phase_failed is None or evidence.error not in _OF_PATIENCE:
        return 0.0
    in_phase = evidence.phases_ms.get(evidence.phase_failed.value, 0.0)
    if evidence.tcp is not None and is_cut(evidence.tcp):
        # A pooled connection may have rested, unacknowledged, long before the call.
        return min(evidence.tcp.get("last_ack_ms", 0), in_phase)
    return in_phase


def is_cut(tcp: dict[str, int]) -> bool:
    """Tell whether what the kernel sends, bytes or keepalive probes, goes unacknowledged."""
    return tcp.get("retransmits", 0) >= RETRANSMITS_OF_A_CUT or tcp.get("probes", 0) >= PROBES_OF_A_CUT


def on_the_way(seen: Surroundings, access_owner: Owner, alone: Confidence) -> Named:
    """Name who runs the piece of the way that failed; `alone` is how far the call's own evidence goes."""
    match seen.neutral_reached, seen.centre_answered:
        case False, True:
            return NOBODY
        case False, answered:
            return access_owner, Confidence.HIGH if answered is False else Confidence.MEDIUM
        case True, True:
            return (Owner.CENTRE_NETWORK, Confidence.LOW) if alone is Confidence.MEDIUM else NOBODY
        case True, answered:
            # By another line the centre is there: its firewall may bar us, or our carrier's way to it is broken.
            is_sure = answered is False and seen.second_way_answered is not True
            return Owner.CENTRE_NETWORK, Confidence.HIGH if is_sure else Confidence.MEDIUM
        case _:
            return Owner.UNDETERMINED, Confidence.LOW if seen.centre_answered else alone


def in_the_centres_name(seen: Surroundings, access_owner: Owner) -> Named:
    """Name who runs the device that answered in the centre's name; by another line the centre answers itself."""
    sure = Confidence.HIGH if seen.centre_answered is False else Confidence.MEDIUM
    match seen.neutral_reached:
        case True:
            return Owner.CENTRE_NETWORK, sure
        case False:
            return access_owner, sure
        case _:
            return Owner.UNDETERMINED, Confidence.MEDIUM


def fails_by_both_ways(seen: Surroundings) -> bool:
    """Tell whether the centre fails by another line too, with nothing that speaks for a fault of ours."""
    return seen.second_way_answered is False and seen.centre_answered is not True and seen.neutral_reached is not False
