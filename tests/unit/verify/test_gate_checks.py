from tests.support.seen_office import at, attempt, failed, ledger, stage, told
from tools.verify.checks.gates import gates_hold
from tools.verify.seen import Outage, Told


def gate(sequence: int, state: str) -> Told:
    return told("gate.changed.v1", sequence, key="submission", state=state)


HELD = [gate(10, "holding"), gate(20, "probing"), gate(21, "flowing")]


def test_calls_before_and_after_a_hold_are_right() -> None:
    rows = (attempt("a", 9), attempt("b", 21), attempt("c", 30))

    assert gates_hold(HELD, ledger(attempts=rows)).is_ok


def test_a_call_begun_behind_a_holding_gate_is_found() -> None:
    found = gates_hold(HELD, ledger(attempts=(attempt("a", 15),)))

    assert found.examples[0].startswith("attempt a: submission began at")


def test_a_gate_that_still_holds_is_looked_at_too() -> None:
    under_way = stage(state="in_flight", attempt_id="a", started_at=at(12))

    assert not gates_hold(HELD[:1], ledger(stages=(under_way,))).is_ok


def test_the_end_of_a_hold_may_still_lie_in_the_outbox() -> None:
    assert gates_hold(HELD[:1], ledger(attempts=(attempt("a", 30),), waiting=tuple(HELD[1:]))).is_ok


def test_another_operation_is_not_held() -> None:
    assert gates_hold(HELD, ledger(attempts=(attempt("a", 15, operation="ask"),))).is_ok


def test_a_strike_for_a_failure_of_the_network_is_found() -> None:
    spent = stage(state="waiting", strikes=1)

    assert not gates_hold([], ledger(stages=(spent,), attempts=(failed("a", cause="network"),))).is_ok
    assert gates_hold([], ledger(stages=(spent,), attempts=(failed("a", cause="server"),))).is_ok


def test_calls_begun_while_the_line_was_truly_dead_are_counted() -> None:
    found = gates_hold([], ledger(attempts=(attempt("a", 3), attempt("b", 30))), [Outage(at(2), at(8))])

    assert "1 calls began while the line was truly dead" in found.detail
