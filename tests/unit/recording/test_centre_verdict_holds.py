"""What holds for every verdict, whatever the evidence and whoever saw what."""

from hypothesis import given
from hypothesis import strategies as st

from services.recording.centre.evidence import Evidence
from services.recording.centre.failures import CLOSED, DEADLINE, EOF, NO_SLOT, PROTOCOL
from services.recording.centre.verdict import verdict
from services.recording.domain.surroundings import NOBODY_KNOWS, Surroundings
from shared.events.vocabulary import Cause, Confidence, Effect, Owner, Phase

_COUNTERS = (
    "retransmits",
    "probes",
    "unacked",
    "last_ack_ms",
    "snd_wnd",
    "bytes_acked",
    "rtt_us",
    "total_retrans",
    "at_ms",
)
_ERRORS = (
    DEADLINE,
    EOF,
    PROTOCOL,
    CLOSED,
    NO_SLOT,
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "ENETUNREACH",
    "EMFILE",
    "EAI_NONAME",
    "certificate_expired",
    "certificate_wrong_host",
    "certificate_untrusted",
    "tlsv1_alert_internal_error",
)
_milliseconds = st.floats(0, 1e6, allow_nan=False)
_tcp = st.none() | st.dictionaries(st.sampled_from(_COUNTERS), st.integers(0, 10_000_000))
_known = st.none() | st.booleans()
_surroundings = st.builds(
    Surroundings,
    neutral_reached=_known,
    centre_answered=_known,
    second_way_answered=_known,
    clock_off_seconds=st.floats(-1e6, 1e6),
    seconds_old=st.floats(0, 20),
)
_evidence = st.builds(
    Evidence,
    phase_reached=st.none() | st.sampled_from(Phase),
    phase_failed=st.none() | st.sampled_from(Phase),
    phases_ms=st.dictionaries(st.sampled_from([phase.value for phase in Phase]), _milliseconds),
    error=st.none() | st.sampled_from(_ERRORS) | st.text(max_size=300),
    address=st.none(),
    bytes_sent=st.integers(0, 10**9),
    bytes_received=st.integers(0, 10**9),
    reused=st.booleans(),
    tcp=_tcp,
    loop_lag_ms=st.sampled_from((0.0, 499.0, 501.0)),
    samples=st.lists(_tcp.filter(lambda one: one is not None), max_size=4).map(tuple),
    phases_at_ms=st.just({}),
    verify_code=st.none() | st.integers(0, 100),
    ended_in_order=st.booleans(),
    status=st.none() | st.integers(100, 599),
    retry_after_seconds=st.none() | st.floats(0, 1e9),
)
_access = st.sampled_from((Owner.CARRIER, Owner.REGENCY_NETWORK, Owner.OFFICE))


@given(_evidence, _surroundings, _access)
def test_a_verdict_never_lies_about_effect_owner_and_confidence(
    evidence: Evidence, seen: Surroundings, access: Owner
) -> None:
    judged = verdict(evidence, seen, access_owner=access)

    said_nothing_was_done = evidence.status in (429, 503)
    assert (judged.effect is Effect.NONE) <= (said_nothing_was_done or evidence.bytes_sent == 0)
    assert (judged.owner is Owner.US) == (judged.cause is Cause.LOCAL)
    assert judged.owner in {Owner.US, Owner.UNDETERMINED, Owner.CENTRE, Owner.CENTRE_NETWORK, access}
    assert judged.cause is not Cause.UNKNOWN or judged.owner is Owner.UNDETERMINED
    assert 0 < len(judged.because) <= 200


@given(_evidence, _surroundings)
def test_another_agency_is_named_for_sure_only_when_a_second_source_fails_too(
    evidence: Evidence, seen: Surroundings
) -> None:
    judged = verdict(evidence, seen)

    if judged.confidence is Confidence.HIGH:
        assert judged.owner not in (Owner.US, Owner.UNDETERMINED)
        assert False in (seen.neutral_reached, seen.centre_answered, seen.second_way_answered)


@given(_evidence)
def test_with_no_second_witness_nobody_is_sure_and_no_agency_accused_but_by_its_own_word(evidence: Evidence) -> None:
    judged = verdict(evidence, NOBODY_KNOWS)

    assert judged.confidence is not Confidence.HIGH
    own_word = evidence.status is not None or evidence.ended_in_order or evidence.error in (PROTOCOL, "too_large")
    assert judged.owner in ({Owner.US, Owner.UNDETERMINED} | ({Owner.CENTRE} if own_word else set()))


@given(_evidence, _surroundings)
def test_what_others_saw_never_changes_whether_the_centre_may_have_recorded_it(
    evidence: Evidence, seen: Surroundings
) -> None:
    assert verdict(evidence, seen).effect is verdict(evidence).effect
