"""The life of a stage: only legal transitions, nothing leaves done, and never a second send unasked (I3, I5)."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.recording.domain.answers import Absent, Answer, Failed, Refused, Succeeded, Trail, Unchanged
from services.recording.domain.journey import OPERATION
from services.recording.domain.retry import TryAgain
from services.recording.domain.stage import (
    IllegalTransition,
    StageLife,
    accept,
    again,
    bring_forward,
    due_at,
    failure_summary,
    next_action,
    retry_by_hand,
)
from shared.events.vocabulary import Cause, Effect, NextAction, Operation, Outcome, Owner, Phase, Stage, WhoActs
from tests.support.recordings import NOW, patience

MISMATCH = Refused(Cause.DATA, "identity_mismatch", WhoActs.RESIDENT, ("birth_date",))
SENT = StageLife(Stage.SUBMISSION, Operation.SUBMISSION, "in_flight", NOW)
LOST = Failed(Cause.SERVER, Effect.POSSIBLE, Owner.UNDETERMINED, "wait_eof")
UNAVAILABLE = Failed(Cause.SERVER, Effect.NONE, Owner.CENTRE, "http_503", 17)
DIED = Failed(Cause.UNKNOWN, Effect.POSSIBLE, Owner.UNDETERMINED, "lease_expired")
NO_LINE = Failed(Cause.NETWORK, Effect.NONE, Owner.UNDETERMINED, "connect_deadline")

failures = st.builds(
    Failed,
    st.sampled_from([Cause.SERVER, Cause.NETWORK, Cause.UNKNOWN, Cause.LOCAL]),
    st.sampled_from([Effect.POSSIBLE, Effect.NONE, Effect.KNOWN]),
    st.sampled_from(Owner),
    st.sampled_from(["x", "packet_missing"]),
    st.none() | st.floats(0, 3600),
)


def then(life: StageLife, answer: Answer, at: datetime = NOW) -> StageLife:
    return accept(life, answer, patience(at)).life


def in_flight(life: StageLife) -> StageLife:
    return replace(life, state="in_flight")


def test_a_success_ends_the_stage_and_leaves_no_failure_behind() -> None:
    life = then(replace(SENT, last_failure={"cause": "server"}, signature="x"), Succeeded("RK-1"))

    assert (life.state, life.attempts, life.last_failure, life.signature) == ("done", 1, None, None)


@pytest.mark.parametrize("state", ["waiting", "done", "parked"])
def test_only_a_stage_in_flight_takes_an_answer(state: str) -> None:
    with pytest.raises(IllegalTransition):
        accept(replace(SENT, state=state), Succeeded(), patience())


@pytest.mark.parametrize("state", ["in_flight", "done"])
def test_a_stage_done_or_under_way_is_not_retried_by_hand(state: str) -> None:
    with pytest.raises(IllegalTransition):
        retry_by_hand(replace(SENT, state=state), NOW)


def test_a_refusal_parks_and_tells_who_must_act() -> None:
    judged = accept(replace(SENT, stage=Stage.IDENTITY_CHECK), MISMATCH, patience())

    assert (judged.outcome, judged.effect) == (Outcome.REFUSED, Effect.KNOWN)
    assert (judged.life.state, judged.life.who_must_act) == ("parked", WhoActs.RESIDENT)
    assert judged.signature == "identity_check/data/identity_mismatch"


def test_a_riddle_is_told_as_unknown() -> None:
    riddle = Failed(Cause.UNKNOWN, Effect.POSSIBLE, Owner.UNDETERMINED, "lease_expired")

    assert accept(SENT, riddle, patience()).outcome is Outcome.UNKNOWN


def test_after_a_lost_answer_the_centre_is_asked_and_its_absence_makes_sending_safe() -> None:
    asked = then(SENT, LOST)
    safe = then(in_flight(asked), Absent())

    assert (asked.operation, asked.strikes) == (Operation.ASK, 1)
    assert (safe.operation, safe.state, safe.due_at, safe.last_failure) == (
        Operation.SUBMISSION,
        "waiting",
        NOW,
        None,
    )


def test_an_ask_that_fails_goes_on_asking() -> None:
    for failure in (NO_LINE, UNAVAILABLE, LOST):
        assert then(in_flight(then(SENT, LOST)), failure).operation is Operation.ASK


def test_a_submission_parked_by_age_after_a_lost_answer_is_asked_about_when_a_person_lets_it_go_on() -> None:
    life = then(replace(SENT, first_failed_at=NOW - timedelta(hours=73)), LOST)

    assert life.state == "parked"
    assert retry_by_hand(life, NOW).operation is Operation.ASK


def test_a_record_gone_from_the_centre_is_the_centres_failure() -> None:
    checking = replace(SENT, stage=Stage.DEDUPLICATION, operation=Operation.ASK)

    judged = accept(checking, Absent(), patience())

    assert judged.signature == "deduplication/server/not_at_centre"
    assert judged.life.operation is Operation.ASK


def test_days_of_a_dead_line_do_not_park_what_then_meets_one_refusal() -> None:
    life = then(SENT, NO_LINE)

    life = then(in_flight(life), UNAVAILABLE, NOW + timedelta(days=5))

    assert (life.state, life.strikes) == ("waiting", 1)


def test_a_centre_that_fails_for_three_days_parks_the_stage() -> None:
    life = then(in_flight(then(SENT, UNAVAILABLE)), UNAVAILABLE, NOW + timedelta(hours=72))

    assert (life.state, life.who_must_act) == ("parked", WhoActs.CENTRE)


def test_a_person_who_lets_it_go_on_gives_it_new_patience() -> None:
    parked = replace(SENT, state="parked", first_failed_at=NOW - timedelta(days=4), who_must_act=WhoActs.CENTRE)

    life = then(in_flight(retry_by_hand(parked, NOW)), UNAVAILABLE)

    assert life.state == "waiting"


def test_a_waiting_stage_brought_forward_keeps_its_patience_and_nothing_else_is() -> None:
    waiting = then(SENT, UNAVAILABLE)

    assert bring_forward(waiting, NOW) == replace(waiting, due_at=NOW)
    for state in ("in_flight", "parked", "done"):
        with pytest.raises(IllegalTransition):
            bring_forward(replace(waiting, state=state), NOW)


def test_what_came_of_an_older_packet_neither_ends_nor_parks_the_stage() -> None:
    for answer in (Succeeded("RK-1"), Failed(Cause.LOCAL, Effect.NONE, Owner.US, "packet_missing")):
        judged = again(accept(SENT, answer, patience()), NOW)

        assert (judged.life.state, judged.life.who_must_act) == ("waiting", None)
        assert judged.step in (None, TryAgain(NOW))


def test_the_last_failure_keeps_what_a_person_asks_first() -> None:
    judged = accept(SENT, LOST, patience())

    assert failure_summary(judged, Trail(phase_failed=Phase.WAIT), UUID(int=7), NOW) == {
        "attempt_id": str(UUID(int=7)),
        "at": NOW.isoformat(),
        "cause": Cause.SERVER,
        "effect": Effect.POSSIBLE,
        "phase": Phase.WAIT,
        "signature": "submission/server/wait_eof",
        "next": NextAction.ASK_CENTRE,
    }
    assert failure_summary(accept(SENT, Succeeded(), patience()), Trail(), UUID(int=7), NOW) is None


class AStagesLife(RuleBasedStateMachine):
    """Answers of every kind, claims and people's retries in any order, over days."""

    @initialize(stage=st.sampled_from(Stage) | st.just(Stage.SUBMISSION))
    def opens(self, stage: Stage) -> None:
        """A stage that waits."""
        self.life = StageLife(stage, OPERATION[stage], "waiting", NOW)
        self.answers = 0
        self.now = NOW
        self.may_be_there = False
        self.before = self.life

    @rule(hours=st.sampled_from([1, 80]))
    def time_goes_by(self, hours: int) -> None:
        """Sometimes more than three days."""
        self.now += timedelta(hours=hours)

    @precondition(lambda self: self.life.state == "waiting")
    @rule()
    def a_worker_claims_it(self) -> None:
        """A second send is safe only after the centre said that it has nothing."""
        assert not (self.may_be_there and self.life.operation is Operation.SUBMISSION)
        self.life = in_flight(self.life)

    @precondition(lambda self: self.life.state == "in_flight")
    @rule()
    def its_worker_dies(self) -> None:
        """So its lease runs out: nobody knows what the centre did, and that costs no strike."""
        self.the_call_fails(DIED, 1.0)

    @precondition(lambda self: self.life.state == "in_flight")
    @rule(failure=st.sampled_from([LOST, UNAVAILABLE]) | failures, dice=st.floats(0, 1))
    def the_call_fails(self, failure: Failed, dice: float) -> None:
        """By any cause, with any effect."""
        if self.life.operation is Operation.SUBMISSION and failure.effect is Effect.POSSIBLE:
            self.may_be_there = True
        strikes = self.life.strikes
        judged = accept(self.life, failure, replace(patience(self.now), dice=dice))
        self.life = judged.life
        self.answers += 1
        assert self.life.strikes - strikes == int(failure.cause is Cause.SERVER and self.life.state != "parked")
        assert judged.step is not None
        assert (due_at(judged.step) is None) == (next_action(judged.step) is NextAction.PARK)

    @precondition(lambda self: self.life.state == "in_flight" and self.life.operation is Operation.ASK)
    @rule()
    def the_centre_has_nothing(self) -> None:
        """So it is sent again; a record it was checking is its own loss."""
        self.life, self.may_be_there = then(self.life, Absent(), self.now), False
        self.answers += 1

    @precondition(lambda self: self.life.state == "in_flight")
    @rule(answer=st.sampled_from([Succeeded("RK-1"), MISMATCH, Unchanged("PROCESSING")]))
    def the_centre_answers(self, answer: Answer) -> None:
        """It has it, will not have it, or works on it."""
        if isinstance(answer, Unchanged) and self.life.operation is not Operation.ASK:
            answer = Succeeded("RK-1")
        self.life = then(self.life, answer, self.now)
        self.answers += 1

    @rule()
    def a_person_wants_it_again(self) -> None:
        """Which is refused where it may not be."""
        if self.life.state in ("parked", "waiting"):
            self.life = retry_by_hand(self.life, self.now)
        else:
            with pytest.raises(IllegalTransition):
                retry_by_hand(self.life, self.now)

    @invariant()
    def every_step_is_legal(self) -> None:
        """And nothing leaves done; attempts only grow."""
        if not hasattr(self, "life"):
            return
        before, self.before = self.before, self.life
        legal = {
            "waiting": {"waiting", "in_flight"},
            "in_flight": {"in_flight", "waiting", "done", "parked"},
            "parked": {"parked", "waiting"},
            "done": {"done"},
        }
        assert self.life.state in legal[before.state]
        assert before.attempts <= self.life.attempts == self.answers
        # Only a submission changes what it calls for, to ask; all others repeat the same call under the same key.
        assert self.life.operation in {OPERATION[self.life.stage]} | (
            {Operation.ASK} if self.life.stage is Stage.SUBMISSION else set()
        )
        assert (self.life.state == "parked") == (self.life.who_must_act is not None)


TestAStagesLife = AStagesLife.TestCase
TestAStagesLife.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
