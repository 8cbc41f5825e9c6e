"""Who fell silent, told by the kernel's counters: the table of ARCHITECTURE section 4, *Evidence*."""

from services.recording.centre.evidence import Evidence
from services.recording.centre.witnesses import NOBODY, Finding, Named, found, is_cut, on_the_way
from services.recording.domain.surroundings import Surroundings
from shared.events.vocabulary import Cause, Confidence, Owner

FRESH_ACK_MS = 2500
_WORTH_COMPARING_MS = 3000


def after_silence(evidence: Evidence, seen: Surroundings, access_owner: Owner) -> Finding:
    """Judge a call that was still unanswered at its deadline, after the connection stood."""
    tcp = evidence.tcp
    if tcp is None:
        return found(Cause.UNKNOWN)
    is_window_open = tcp.get("snd_wnd") != 0
    if is_window_open and is_cut(tcp):
        return found(Cause.NETWORK, on_the_way(seen, access_owner, Confidence.MEDIUM))
    if evidence.is_still_leaving and is_moving(evidence):
        # Slow, and nobody's silence: a thin line and a centre that reads slowly look the same from here.
        return found(Cause.UNKNOWN)
    if not is_window_open:
        return found(Cause.SERVER, _who_lets_us_wait(seen))
    # While our bytes are still leaving, fresh ACKs say only that the line is slow: no one's silence yet.
    if tcp.get("last_ack_ms", FRESH_ACK_MS) < FRESH_ACK_MS and not evidence.is_still_leaving:
        return found(Cause.SERVER, _who_lets_us_wait(seen))
    return found(Cause.UNKNOWN)


def is_moving(evidence: Evidence) -> bool:
    """Tell whether bytes were still being acknowledged during the last seconds; one sample alone tells nothing."""
    if not evidence.samples:
        return False
    last = evidence.samples[-1]
    latest = last.get("at_ms", 0) - _WORTH_COMPARING_MS
    before = [sample for sample in evidence.samples if sample.get("at_ms", 0) <= latest] or evidence.samples[:1]
    return last.get("bytes_acked", 0) > before[-1].get("bytes_acked", 0)


def _who_lets_us_wait(seen: Surroundings) -> Named:
    """Name the centre when the line is known to be whole: alone, a device that acknowledges for it looks the same."""
    match seen.centre_answered, seen.neutral_reached:
        case _, False:
            return NOBODY
        case True, _:
            return Owner.CENTRE, Confidence.MEDIUM
        case False, _ if seen.second_way_answered is False:
            return Owner.CENTRE, Confidence.HIGH
        case False, True if seen.second_way_answered is None:
            return Owner.CENTRE, Confidence.MEDIUM
        case _:
            return Owner.UNDETERMINED, Confidence.MEDIUM
