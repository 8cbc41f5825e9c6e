from dataclasses import replace

from tests.support.seen_office import ID, asked, attempt, call, failed, ledger, registered, stage
from tools.verify.checks.calls import asked_before_second_send, ledger_matches_journal, registered_once


def test_one_registration_of_what_is_there_is_right() -> None:
    assert registered_once([call("a")], [registered()], ledger(stages=(stage(),))).is_ok


def test_a_newer_packet_may_replace_the_older() -> None:
    journal = [call("a"), call("b", packet_version=2)]

    assert registered_once(journal, [registered(packet_version=2, registrations={1: 1, 2: 1})], ledger()).is_ok


def test_two_effects_of_one_packet_version_are_found() -> None:
    found = registered_once([call("a"), call("b")], [registered(registrations={1: 2})], ledger())

    assert found.examples == (f"recording {ID}: submission 1 took effect 2 times",)


def test_a_card_printed_twice_is_found_whatever_the_key() -> None:
    journal = [call("a", "card_print"), call("b", "card_print", key="another")]

    assert not registered_once(journal, [registered()], ledger()).is_ok


def test_what_we_say_is_there_and_is_not_is_found() -> None:
    assert not registered_once([], [], ledger(stages=(stage(),))).is_ok


def test_a_question_answered_before_the_second_send_is_right() -> None:
    rows = (failed("a", 1), asked("b", 2), attempt("c", 3))
    journal = [call("a", key="one"), call("b", "ask"), call("c", key="another")]

    assert asked_before_second_send(journal, ledger(attempts=rows)).is_ok


def test_the_same_key_again_is_right() -> None:
    rows = (failed("a", 1, stage="suket_issue", operation="suket"), attempt("b", 2, stage="suket_issue"))

    assert asked_before_second_send([call("a"), call("b")], ledger(attempts=rows)).is_ok


def test_a_second_send_in_doubt_under_another_key_is_found() -> None:
    rows = (failed("a", 1), attempt("b", 2))

    found = asked_before_second_send([call("a"), call("b", key="another")], ledger(attempts=rows))

    assert found.examples == ("attempt b: sent under another key without asking about attempt a",)


def test_a_question_without_an_answer_does_not_end_the_doubt() -> None:
    rows = (failed("a", 1), failed("b", 2, operation="ask"), attempt("c", 3))

    assert not asked_before_second_send([call("a"), call("c", key="another")], ledger(attempts=rows)).is_ok


def test_a_newer_packet_is_no_second_send() -> None:
    rows = (failed("a", 1), attempt("b", 2))

    assert asked_before_second_send([call("a"), call("b", key="k2", packet_version=2)], ledger(attempts=rows)).is_ok


def test_an_effect_that_the_ledger_denies_is_found() -> None:
    assert not asked_before_second_send([call("a")], ledger(attempts=(failed("a", effect="none"),))).is_ok


def test_journal_and_ledger_that_tell_the_same_match() -> None:
    assert ledger_matches_journal([call("a")], ledger(attempts=(attempt("a"),))).is_ok


def test_a_probe_needs_no_row() -> None:
    assert ledger_matches_journal([call("", "probe", key=None)], ledger()).is_ok


def test_a_call_without_a_row_is_found() -> None:
    found = ledger_matches_journal([call("a")], ledger())

    assert found.examples == ("call 1 of the journal: attempt a has no ledger row",)


def test_a_call_under_way_needs_no_row_yet() -> None:
    under_way = stage(state="in_flight", attempt_id="a")

    assert ledger_matches_journal([call("a")], ledger(stages=(under_way,))).is_ok


def test_a_call_seen_after_the_ledger_was_read_needs_no_row_yet() -> None:
    assert ledger_matches_journal([call("a", is_settled=False)], ledger()).is_ok


def test_an_answer_the_centre_never_gave_is_found() -> None:
    assert not ledger_matches_journal([], ledger(attempts=(attempt("a"),))).is_ok


def test_a_call_that_never_reached_the_centre_needs_no_entry() -> None:
    row = failed("a", cause="network", effect="none", signature="submission/network/connect_deadline")

    assert ledger_matches_journal([], ledger(attempts=(row,))).is_ok


def test_a_row_without_cause_trace_or_evidence_is_found() -> None:
    for row in (failed("a", cause=None), attempt("a", trace_id=""), attempt("a", has_evidence=False)):
        assert not ledger_matches_journal([call("a")], ledger(attempts=(row,))).is_ok


def test_attempts_numbered_with_a_hole_are_found() -> None:
    rows = (attempt("a", 1), attempt("b", 3))

    assert not ledger_matches_journal([call("a"), call("b")], ledger(attempts=rows)).is_ok


def test_one_attempt_sent_twice_is_found() -> None:
    journal = [call("a"), replace(call("a"), seq=2)]

    assert not ledger_matches_journal(journal, ledger(attempts=(attempt("a"),))).is_ok
