"""Whose fault was it, and may the centre have recorded it? The tables of API and ARCHITECTURE, one case a line."""

from dataclasses import replace

import pytest

from services.recording.centre.evidence import Evidence
from services.recording.centre.verdict import verdict
from services.recording.domain.surroundings import NOBODY_KNOWS, Surroundings
from shared.events.vocabulary import Cause, Confidence, Effect, Owner, Phase
from tests.unit.recording.calls import ALIVE, CUT_BEFORE, CUT_WHILE_WAITING, WINDOW_SHUT, answered, failed

ACCESS_DOWN = Surroundings(neutral_reached=False, centre_answered=False)
CENTRE_AWAY = Surroundings(neutral_reached=True, centre_answered=False)
ALL_WELL = Surroundings(neutral_reached=True, centre_answered=True)
BY_NO_WAY = Surroundings(neutral_reached=True, centre_answered=False, second_way_answered=False)
BY_THE_OTHER = Surroundings(neutral_reached=True, centre_answered=False, second_way_answered=True)
CONTRADICTED = Surroundings(neutral_reached=True, centre_answered=True, second_way_answered=True)
ONLY_THE_OTHER = Surroundings(neutral_reached=True, second_way_answered=True)
CLOCK_OFF = replace(CENTRE_AWAY, clock_off_seconds=-90.0)
LOW, MEDIUM, HIGH = Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH

REFUSED = failed(Phase.CONNECT, "ECONNREFUSED", seconds=0.001)
CLOSED_AT_ONCE = failed(Phase.TLS, "eof")
ALERT = failed(Phase.TLS, "tlsv1_alert_internal_error")
EXPIRED = failed(Phase.TLS, "certificate_expired")
NOT_YET = failed(Phase.TLS, "certificate_not_yet_valid")
WRONG_HOST = failed(Phase.TLS, "certificate_wrong_host")
UNTRUSTED = failed(Phase.TLS, "certificate_untrusted")
HANG = failed(Phase.WAIT, "deadline", tcp=ALIVE)
STOPS_READING = failed(Phase.SEND, "deadline", tcp=WINDOW_SHUT)
RESET = failed(Phase.WAIT, "ECONNRESET", tcp=ALIVE, seconds=0.3)
LOST = failed(Phase.WAIT, "eof", tcp=ALIVE, seconds=0.3)
LOST_IN_ORDER = failed(Phase.WAIT, "eof", tcp=ALIVE, ended_in_order=True, seconds=0.3)
GARBAGE = failed(Phase.RECEIVE, "protocol")
SPOILT = failed(Phase.RECEIVE, "decryption_failed_or_bad_record_mac")
DOWN = failed(Phase.CONNECT, "deadline")
NO_NAME = failed(Phase.RESOLVE, "EAI_NONAME", seconds=0.02)
DNS_HANGS = failed(Phase.RESOLVE, "deadline")
CUT_UNSENT = failed(Phase.WAIT, "deadline", tcp=CUT_BEFORE)
CUT_WAITING = failed(Phase.WAIT, "deadline", tcp=CUT_WHILE_WAITING)
CUT_AFTER_BYTES = failed(Phase.SEND, "deadline", tcp=CUT_BEFORE | {"bytes_acked": 131072}, sent=214311)
LARGE_RESET = failed(Phase.SEND, "ECONNRESET", tcp=ALIVE | {"bytes_acked": 131072}, sent=214311, seconds=0.5)
BLOCKED = failed(Phase.WAIT, "deadline", tcp=ALIVE, loop_lag_ms=501.0)
NO_FILES = failed(Phase.CONNECT, "EMFILE")
NO_ROUTE = failed(Phase.CONNECT, "ENETUNREACH", seconds=0.001)

Case = tuple[str, Evidence, Surroundings, Cause, Effect, Owner, Confidence]
CASES: list[Case] = [
    # At the centre.
    ("refuse", REFUSED, NOBODY_KNOWS, Cause.SERVER, Effect.NONE, Owner.UNDETERMINED, LOW),
    ("refuse, both ways", REFUSED, BY_NO_WAY, Cause.SERVER, Effect.NONE, Owner.CENTRE, HIGH),
    ("close after accept", CLOSED_AT_ONCE, NOBODY_KNOWS, Cause.SERVER, Effect.NONE, Owner.UNDETERMINED, LOW),
    ("alert, both ways", ALERT, BY_NO_WAY, Cause.SERVER, Effect.NONE, Owner.CENTRE, HIGH),
    ("hang", HANG, NOBODY_KNOWS, Cause.SERVER, Effect.POSSIBLE, Owner.UNDETERMINED, MEDIUM),
    ("hang of one operation", HANG, ALL_WELL, Cause.SERVER, Effect.POSSIBLE, Owner.CENTRE, MEDIUM),
    ("hang of all", HANG, CENTRE_AWAY, Cause.SERVER, Effect.POSSIBLE, Owner.CENTRE, MEDIUM),
    ("hang, both ways", HANG, BY_NO_WAY, Cause.SERVER, Effect.POSSIBLE, Owner.CENTRE, HIGH),
    ("hang, other way well", HANG, BY_THE_OTHER, Cause.SERVER, Effect.POSSIBLE, Owner.UNDETERMINED, MEDIUM),
    ("hang, neutral away", HANG, ACCESS_DOWN, Cause.SERVER, Effect.POSSIBLE, Owner.UNDETERMINED, LOW),
    ("status 500", answered(500), NOBODY_KNOWS, Cause.SERVER, Effect.POSSIBLE, Owner.CENTRE, MEDIUM),
    ("status 504", answered(504), ALL_WELL, Cause.SERVER, Effect.POSSIBLE, Owner.CENTRE, MEDIUM),
    ("status 503", answered(503), NOBODY_KNOWS, Cause.SERVER, Effect.NONE, Owner.CENTRE, MEDIUM),
    ("status 503, both ways", answered(503), BY_NO_WAY, Cause.SERVER, Effect.NONE, Owner.CENTRE, HIGH),
    ("status 429", answered(429), CENTRE_AWAY, Cause.SERVER, Effect.NONE, Owner.CENTRE, MEDIUM),
    ("status 302", answered(302), NOBODY_KNOWS, Cause.SERVER, Effect.POSSIBLE, Owner.CENTRE, MEDIUM),
    ("html 200", answered(200, "answer_html"), ALL_WELL, Cause.SERVER, Effect.POSSIBLE, Owner.CENTRE, MEDIUM),
    ("html 404", answered(404, "answer_html"), ALL_WELL, Cause.SERVER, Effect.POSSIBLE, Owner.CENTRE, MEDIUM),
    ("status 400", answered(400), NOBODY_KNOWS, Cause.LOCAL, Effect.KNOWN, Owner.US, MEDIUM),
    ("status 409", answered(409), ALL_WELL, Cause.LOCAL, Effect.KNOWN, Owner.US, MEDIUM),
    ("garbage", GARBAGE, NOBODY_KNOWS, Cause.SERVER, Effect.POSSIBLE, Owner.CENTRE, MEDIUM),
    ("truncated in order", LOST_IN_ORDER, NOBODY_KNOWS, Cause.SERVER, Effect.POSSIBLE, Owner.CENTRE, MEDIUM),
    ("effect then lost", LOST, NOBODY_KNOWS, Cause.SERVER, Effect.POSSIBLE, Owner.UNDETERMINED, LOW),
    ("effect then lost, probe well before", LOST, ALL_WELL, Cause.SERVER, Effect.POSSIBLE, Owner.UNDETERMINED, LOW),
    ("reset", RESET, NOBODY_KNOWS, Cause.SERVER, Effect.POSSIBLE, Owner.UNDETERMINED, LOW),
    ("reset, probe well before", RESET, ALL_WELL, Cause.SERVER, Effect.POSSIBLE, Owner.UNDETERMINED, LOW),
    ("reset, both ways", RESET, BY_NO_WAY, Cause.SERVER, Effect.POSSIBLE, Owner.CENTRE, HIGH),
    ("expired", EXPIRED, NOBODY_KNOWS, Cause.SERVER, Effect.NONE, Owner.UNDETERMINED, MEDIUM),
    ("expired for the probe too", EXPIRED, CENTRE_AWAY, Cause.SERVER, Effect.NONE, Owner.CENTRE, MEDIUM),
    ("wrong host, both ways", WRONG_HOST, BY_NO_WAY, Cause.SERVER, Effect.NONE, Owner.CENTRE, HIGH),
    ("untrusted", UNTRUSTED, CENTRE_AWAY, Cause.SERVER, Effect.NONE, Owner.UNDETERMINED, LOW),
    ("untrusted, other way well", UNTRUSTED, BY_THE_OTHER, Cause.NETWORK, Effect.NONE, Owner.CENTRE_NETWORK, HIGH),
    ("stops reading", STOPS_READING, NOBODY_KNOWS, Cause.SERVER, Effect.POSSIBLE, Owner.UNDETERMINED, MEDIUM),
    ("stops reading, probe well", STOPS_READING, ALL_WELL, Cause.SERVER, Effect.POSSIBLE, Owner.CENTRE, MEDIUM),
    # On the line.
    ("down", DOWN, NOBODY_KNOWS, Cause.NETWORK, Effect.NONE, Owner.UNDETERMINED, LOW),
    ("down, neutral too", DOWN, ACCESS_DOWN, Cause.NETWORK, Effect.NONE, Owner.CARRIER, HIGH),
    ("down, neutral well", DOWN, CENTRE_AWAY, Cause.NETWORK, Effect.NONE, Owner.CENTRE_NETWORK, HIGH),
    ("down, other way well", DOWN, BY_THE_OTHER, Cause.NETWORK, Effect.NONE, Owner.CENTRE_NETWORK, MEDIUM),
    ("down for us alone", DOWN, ALL_WELL, Cause.NETWORK, Effect.NONE, Owner.UNDETERMINED, LOW),
    ("dns", NO_NAME, NOBODY_KNOWS, Cause.NETWORK, Effect.NONE, Owner.UNDETERMINED, LOW),
    ("dns hangs, neutral too", DNS_HANGS, ACCESS_DOWN, Cause.NETWORK, Effect.NONE, Owner.CARRIER, MEDIUM),
    ("dns, neutral well", NO_NAME, CENTRE_AWAY, Cause.NETWORK, Effect.NONE, Owner.CENTRE_NETWORK, MEDIUM),
    ("cut before request", CUT_UNSENT, NOBODY_KNOWS, Cause.NETWORK, Effect.POSSIBLE, Owner.UNDETERMINED, MEDIUM),
    ("cut while waiting", CUT_WAITING, ACCESS_DOWN, Cause.NETWORK, Effect.POSSIBLE, Owner.CARRIER, HIGH),
    ("cut, neutral well", CUT_WAITING, CENTRE_AWAY, Cause.NETWORK, Effect.POSSIBLE, Owner.CENTRE_NETWORK, HIGH),
    ("cut for us alone", CUT_WAITING, ALL_WELL, Cause.NETWORK, Effect.POSSIBLE, Owner.CENTRE_NETWORK, LOW),
    ("cut after bytes", CUT_AFTER_BYTES, NOBODY_KNOWS, Cause.NETWORK, Effect.POSSIBLE, Owner.UNDETERMINED, MEDIUM),
    ("large upload reset", LARGE_RESET, ALL_WELL, Cause.SERVER, Effect.POSSIBLE, Owner.UNDETERMINED, LOW),
    ("reject", REFUSED, BY_THE_OTHER, Cause.NETWORK, Effect.NONE, Owner.CENTRE_NETWORK, HIGH),
    ("reject, but not the probe", REFUSED, ALL_WELL, Cause.SERVER, Effect.NONE, Owner.UNDETERMINED, LOW),
    ("reject, and yet not", REFUSED, CONTRADICTED, Cause.SERVER, Effect.NONE, Owner.UNDETERMINED, LOW),
    ("reset, other way well", RESET, ONLY_THE_OTHER, Cause.SERVER, Effect.POSSIBLE, Owner.UNDETERMINED, LOW),
    ("bytes spoilt", SPOILT, ALL_WELL, Cause.SERVER, Effect.POSSIBLE, Owner.UNDETERMINED, LOW),
    ("reject of an open call", RESET, BY_THE_OTHER, Cause.NETWORK, Effect.POSSIBLE, Owner.CENTRE_NETWORK, HIGH),
    # Our own.
    ("clock off", NOT_YET, CLOCK_OFF, Cause.LOCAL, Effect.NONE, Owner.US, MEDIUM),
    ("clock off, wrong host", WRONG_HOST, CLOCK_OFF, Cause.SERVER, Effect.NONE, Owner.CENTRE, MEDIUM),
    ("loop blocked", BLOCKED, BY_NO_WAY, Cause.LOCAL, Effect.POSSIBLE, Owner.US, MEDIUM),
    ("no files left", NO_FILES, ACCESS_DOWN, Cause.LOCAL, Effect.NONE, Owner.US, MEDIUM),
    ("no slot", failed(None, "no_slot"), NOBODY_KNOWS, Cause.LOCAL, Effect.NONE, Owner.US, MEDIUM),
    ("no route for us alone", NO_ROUTE, ALL_WELL, Cause.LOCAL, Effect.NONE, Owner.US, MEDIUM),
    ("no route for anyone", NO_ROUTE, ACCESS_DOWN, Cause.NETWORK, Effect.NONE, Owner.CARRIER, HIGH),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_every_case_of_the_tables_is_judged_as_agreed(case: Case) -> None:
    _, evidence, seen, *agreed = case

    judged = verdict(evidence, seen)

    assert [judged.cause, judged.effect, judged.owner, judged.confidence] == agreed


@pytest.mark.parametrize(
    ("counters", "cause"),
    [
        ({}, Cause.SERVER),
        ({"retransmits": 4, "unacked": 1, "last_ack_ms": 8000}, Cause.NETWORK),
        ({"probes": 7, "last_ack_ms": 8000}, Cause.NETWORK),
        ({"snd_wnd": 0, "probes": 2, "last_ack_ms": 3000}, Cause.SERVER),
        ({"last_ack_ms": 2600}, Cause.UNKNOWN),
        # Our kernel has taken the whole request, the peer's has not: a thin line, no silent centre.
        ({"bytes_acked": 200}, Cause.UNKNOWN),
    ],
)
def test_the_kernel_says_who_fell_silent(counters: dict[str, int], cause: Cause) -> None:
    judged = verdict(failed(Phase.WAIT, "deadline", tcp=ALIVE | counters))

    assert (judged.cause, judged.effect) == (cause, Effect.POSSIBLE)


def test_without_the_kernels_word_a_silence_blames_nobody() -> None:
    judged = verdict(failed(Phase.WAIT, "deadline"), BY_NO_WAY)

    assert (judged.cause, judged.owner) == (Cause.UNKNOWN, Owner.UNDETERMINED)


def test_an_older_kernel_without_the_window_is_taken_as_open() -> None:
    counters = {name: value for name, value in ALIVE.items() if name != "snd_wnd"}

    assert verdict(failed(Phase.WAIT, "deadline", tcp=counters | {"probes": 5})).cause is Cause.NETWORK
    assert verdict(failed(Phase.WAIT, "deadline", tcp=counters)).cause is Cause.SERVER


def test_a_window_shut_for_a_moment_on_a_thin_line_that_moves_blames_nobody() -> None:
    samples = tuple(
        WINDOW_SHUT | {"snd_wnd": 0, "bytes_acked": second * 40_000, "at_ms": second * 1000} for second in range(1, 9)
    )
    moving = replace(failed(Phase.SEND, "deadline", tcp=samples[-1], sent=900_000), samples=samples)
    stands = tuple(sample | {"bytes_acked": 40_000} for sample in samples)

    assert verdict(moving).cause is Cause.UNKNOWN
    assert "320,000 bytes acknowledged in 8.0 s" in verdict(moving).because
    assert verdict(replace(moving, samples=stands, tcp=stands[-1])).cause is Cause.SERVER


def test_a_request_still_leaving_at_the_deadline_blames_nobody() -> None:
    assert verdict(failed(Phase.SEND, "deadline", tcp=ALIVE), ALL_WELL).cause is Cause.UNKNOWN


def test_whoever_runs_the_access_line_is_a_setting() -> None:
    assert verdict(DOWN, ACCESS_DOWN, access_owner=Owner.REGENCY_NETWORK).owner is Owner.REGENCY_NETWORK


@pytest.mark.parametrize(
    ("evidence", "seconds_old", "owner"),
    [
        (DOWN, 7.0, Owner.CENTRE_NETWORK),  # seen while our own connect was waiting
        (DOWN, 9.0, Owner.UNDETERMINED),  # seen before it: the line may have died since
        (RESET, 1.0, Owner.CENTRE_NETWORK),
        (RESET, 3.0, Owner.UNDETERMINED),
    ],
)
def test_what_was_seen_before_the_trouble_began_names_nobody(
    evidence: Evidence, seconds_old: float, owner: Owner
) -> None:
    assert verdict(evidence, replace(BY_THE_OTHER, seconds_old=seconds_old)).owner is owner


def test_what_was_seen_before_the_line_was_cut_says_nothing_of_the_cut() -> None:
    just_cut = failed(Phase.WAIT, "deadline", tcp=CUT_WHILE_WAITING | {"last_ack_ms": 4000})

    assert verdict(just_cut, replace(ALL_WELL, seconds_old=5.0)).owner is Owner.UNDETERMINED
    assert verdict(just_cut, replace(ALL_WELL, seconds_old=3.0)).owner is Owner.CENTRE_NETWORK


def test_the_wait_that_the_centre_asks_for_is_kept() -> None:
    assert verdict(answered(503, retry_after_seconds=17.0)).retry_after_seconds == 17.0
    assert verdict(answered(500, retry_after_seconds=17.0)).retry_after_seconds is None


def test_a_signature_names_the_place_and_never_the_address() -> None:
    assert verdict(REFUSED).code == "connect_econnrefused"
    assert verdict(answered(503)).code == "http_503"
    assert verdict(answered(200, "answer_html")).code == "answer_html"


SENTENCES: list[tuple[Evidence, Surroundings, str]] = [
    (
        replace(failed(Phase.WAIT, "deadline", tcp=ALIVE | {"bytes_acked": 214900}, sent=214311, seconds=20.0)),
        ALL_WELL,
        (
            "connected in 12 ms, sent 214,311 bytes, the centre's kernel acknowledged for 20.0 s "
            "(last 800 ms ago), no answer; neutral target answered, probe answered"
        ),
    ),
    (
        CUT_WAITING,
        NOBODY_KNOWS,
        (
            "connected in 12 ms, sent 300 bytes, no acknowledgement for 7.9 s, 0 retransmits, 7 probes; "
            "no second witness"
        ),
    ),
    (
        LARGE_RESET,
        ALL_WELL,
        (
            "connected in 12 ms, sent 214,311 bytes, died of ECONNRESET after 131,072 bytes of it; "
            "neutral target answered, probe answered"
        ),
    ),
    (
        replace(EXPIRED, verify_code=10),
        BY_NO_WAY,
        (
            "connected in 12 ms, no TLS session: certificate_expired after 8.0 s, verify code 10; "
            "neutral target answered, probe unanswered, second way unanswered"
        ),
    ),
    (DOWN, ACCESS_DOWN, "no connection: no answer in 8.0 s; neutral target unanswered, probe unanswered"),
    (NOT_YET, CLOCK_OFF, "our clock is 90 s off the database's: certificate_not_yet_valid"),
    (answered(503), ALL_WELL, "connected in 12 ms, sent 300 bytes, the centre answered 503 after 312 ms"),
    (
        STOPS_READING,
        NOBODY_KNOWS,
        (
            "connected in 12 ms, sent 300 bytes, the centre's kernel kept its window shut, 90 bytes taken in 8.0 s; "
            "no second witness"
        ),
    ),
]


@pytest.mark.parametrize(("evidence", "seen", "because"), SENTENCES)
def test_a_verdict_explains_itself_with_numbers(evidence: Evidence, seen: Surroundings, because: str) -> None:
    connected = replace(evidence, phases_ms={"connect": 12.0} | evidence.phases_ms)

    assert verdict(connected, seen).because == because
