"""Whose fault was it, and may the centre have recorded it? The tables of ARCHITECTURE section 4, one case a line."""

import pytest

from services.recording.centre.evidence import Evidence
from services.recording.centre.verdict import after_answer, after_failure
from shared.events.vocabulary import Cause, Effect, Owner, Phase

ALIVE = {"retransmits": 0, "probes": 0, "unacked": 0, "last_ack_ms": 800, "snd_wnd": 65535, "bytes_acked": 300}


def evidence(
    phase: Phase | None, error: str, *, tcp: dict[str, int] | None = None, loop_lag_ms: float = 0.0
) -> Evidence:
    left = phase in (Phase.SEND, Phase.WAIT, Phase.RECEIVE)
    return Evidence(
        phase_reached=phase,
        phase_failed=phase,
        phases_ms={},
        error=error,
        address="127.0.0.1:443",
        bytes_sent=300 if left else 0,
        bytes_received=0,
        reused=False,
        tcp=tcp,
        loop_lag_ms=loop_lag_ms,
    )


@pytest.mark.parametrize(
    ("phase", "error", "cause"),
    [
        (Phase.RESOLVE, "EAI_NONAME", Cause.NETWORK),
        (Phase.RESOLVE, "deadline", Cause.NETWORK),
        (Phase.CONNECT, "deadline", Cause.NETWORK),
        (Phase.CONNECT, "ETIMEDOUT", Cause.NETWORK),
        (Phase.CONNECT, "EHOSTUNREACH", Cause.NETWORK),
        (Phase.CONNECT, "ECONNREFUSED", Cause.SERVER),
        (Phase.TLS, "certificate_expired", Cause.SERVER),
        (Phase.TLS, "certificate_wrong_host", Cause.SERVER),
        (Phase.TLS, "tlsv1_alert_internal_error", Cause.SERVER),
        (Phase.TLS, "eof", Cause.SERVER),
        (Phase.CONNECT, "EMFILE", Cause.LOCAL),
        (None, "no_slot", Cause.LOCAL),
    ],
)
def test_before_the_request_left_nothing_can_have_been_recorded(phase: Phase | None, error: str, cause: Cause) -> None:
    verdict = after_failure(evidence(phase, error))

    assert (verdict.cause, verdict.effect) == (cause, Effect.NONE)


@pytest.mark.parametrize(
    ("phase", "error", "cause"),
    [
        (Phase.SEND, "ECONNRESET", Cause.SERVER),
        (Phase.WAIT, "eof", Cause.SERVER),
        (Phase.RECEIVE, "protocol", Cause.SERVER),
        (Phase.RECEIVE, "eof", Cause.SERVER),
        (Phase.WAIT, "ETIMEDOUT", Cause.NETWORK),
        (Phase.WAIT, "EHOSTUNREACH", Cause.NETWORK),
        (Phase.WAIT, "deadline", Cause.UNKNOWN),
    ],
)
def test_once_bytes_left_an_effect_is_possible_whatever_the_cause(phase: Phase, error: str, cause: Cause) -> None:
    verdict = after_failure(evidence(phase, error))

    assert (verdict.cause, verdict.effect) == (cause, Effect.POSSIBLE)


@pytest.mark.parametrize(
    ("counters", "cause"),
    [
        ({}, Cause.SERVER),
        ({"retransmits": 4, "unacked": 1, "last_ack_ms": 8000}, Cause.NETWORK),
        ({"probes": 7, "last_ack_ms": 8000}, Cause.NETWORK),
        ({"snd_wnd": 0, "probes": 2, "last_ack_ms": 3000}, Cause.SERVER),
        ({"last_ack_ms": 2600}, Cause.UNKNOWN),
    ],
)
def test_the_kernel_says_who_fell_silent(counters: dict[str, int], cause: Cause) -> None:
    verdict = after_failure(evidence(Phase.WAIT, "deadline", tcp=ALIVE | counters))

    assert (verdict.cause, verdict.effect) == (cause, Effect.POSSIBLE)


def test_an_older_kernel_without_the_window_is_taken_as_open() -> None:
    counters = {name: value for name, value in ALIVE.items() if name != "snd_wnd"}

    assert after_failure(evidence(Phase.WAIT, "deadline", tcp=counters | {"probes": 5})).cause is Cause.NETWORK
    assert after_failure(evidence(Phase.WAIT, "deadline", tcp=counters)).cause is Cause.SERVER


def test_a_request_still_leaving_at_the_deadline_blames_nobody() -> None:
    assert after_failure(evidence(Phase.SEND, "deadline", tcp=ALIVE)).cause is Cause.UNKNOWN


def test_a_blocked_event_loop_is_our_fault_and_keeps_the_effect() -> None:
    verdict = after_failure(evidence(Phase.WAIT, "deadline", tcp=ALIVE, loop_lag_ms=501.0))

    assert (verdict.cause, verdict.effect, verdict.owner) == (Cause.LOCAL, Effect.POSSIBLE, Owner.US)


def test_one_source_alone_names_no_other_agency() -> None:
    assert after_failure(evidence(Phase.CONNECT, "ECONNREFUSED")).owner is Owner.UNDETERMINED
    assert after_failure(evidence(Phase.CONNECT, "deadline")).owner is Owner.UNDETERMINED


@pytest.mark.parametrize(
    ("status", "cause", "effect", "owner"),
    [
        (503, Cause.SERVER, Effect.NONE, Owner.CENTRE),
        (429, Cause.SERVER, Effect.NONE, Owner.CENTRE),
        (500, Cause.SERVER, Effect.POSSIBLE, Owner.CENTRE),
        (504, Cause.SERVER, Effect.POSSIBLE, Owner.CENTRE),
        (302, Cause.SERVER, Effect.POSSIBLE, Owner.CENTRE),
        (400, Cause.LOCAL, Effect.KNOWN, Owner.US),
        (401, Cause.LOCAL, Effect.KNOWN, Owner.US),
        (409, Cause.LOCAL, Effect.KNOWN, Owner.US),
    ],
)
def test_an_answer_by_http_is_the_centres_own(status: int, cause: Cause, effect: Effect, owner: Owner) -> None:
    verdict = after_answer(status, {})

    assert (verdict.cause, verdict.effect, verdict.owner) == (cause, effect, owner)


def test_the_wait_that_the_centre_asks_for_is_kept() -> None:
    assert after_answer(503, {"retry-after": "17"}).retry_after_seconds == 17.0
    assert after_answer(503, {"retry-after": "Wed, 14 Jun 2017 03:40:00 GMT"}).retry_after_seconds is None


def test_a_signature_names_the_place_and_never_the_address() -> None:
    assert after_failure(evidence(Phase.CONNECT, "ECONNREFUSED")).code == "connect_econnrefused"
