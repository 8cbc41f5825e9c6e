"""Who ended the call before its deadline: a refusal, a reset, an alert, a certificate, a close."""

from services.recording.centre.evidence import Evidence
from services.recording.centre.failures import PROTOCOL, TOO_LARGE
from services.recording.centre.witnesses import NOBODY, Finding, Named, fails_by_both_ways, found, in_the_centres_name
from services.recording.domain.surroundings import Surroundings
from shared.events.vocabulary import Cause, Confidence, Owner

LARGE_BYTES = 64 * 1024
OF_OUR_AUTHORITY = frozenset({"certificate_expired", "certificate_not_yet_valid", "certificate_wrong_host"})
_OWN_WORDS = frozenset({PROTOCOL, TOO_LARGE})


def before_the_request(evidence: Evidence, seen: Surroundings, access_owner: Owner) -> Finding:
    """Judge a refusal, a reset, an alert or a certificate: the centre's, or of a device that answers in its name."""
    if evidence.error in OF_OUR_AUTHORITY:
        return found(Cause.SERVER, _who_holds_the_certificate(seen))
    if fails_by_both_ways(seen):
        return found(Cause.SERVER, (Owner.CENTRE, Confidence.HIGH))
    if seen.second_way_answered and not seen.centre_answered:
        return found(Cause.NETWORK, in_the_centres_name(seen, access_owner))
    return found(Cause.SERVER)


def after_the_request(evidence: Evidence, seen: Surroundings, access_owner: Owner) -> Finding:
    """Judge a connection that ended with the request, or a part of it, under way."""
    if evidence.ended_in_order or evidence.error in _OWN_WORDS:
        # It came through the TLS of the centre's own certificate: its own word.
        sure = Confidence.HIGH if fails_by_both_ways(seen) else Confidence.MEDIUM
        return found(Cause.SERVER, (Owner.CENTRE, sure))
    if seen.second_way_answered and seen.centre_answered is False:
        return found(Cause.NETWORK, in_the_centres_name(seen, access_owner))
    return found(Cause.SERVER, _who_broke_off(seen))


def died_of_its_size(evidence: Evidence) -> bool:
    """Tell whether a large request died while it was leaving: a gateway's limit looks like that, too."""
    return evidence.is_still_leaving and evidence.bytes_sent >= LARGE_BYTES


def _who_broke_off(seen: Surroundings) -> Named:
    """Name the centre only when it fails by both ways; that a probe was answered is older than the break always.

    A firewall that begins to reject ends an open connection just as a dying centre does, a second after a good probe.
    """
    return (Owner.CENTRE, Confidence.HIGH) if fails_by_both_ways(seen) else NOBODY


def _who_holds_the_certificate(seen: Surroundings) -> Named:
    """Name the centre once a second source fails too; a chain of our own authority is no passing device's."""
    if fails_by_both_ways(seen):
        return Owner.CENTRE, Confidence.HIGH
    if seen.centre_answered is False and seen.neutral_reached is not False and seen.second_way_answered is None:
        return Owner.CENTRE, Confidence.MEDIUM
    return Owner.UNDETERMINED, Confidence.MEDIUM
