"""An outage: never two of one fault, never another agency by one witness, and an end for each once all is clean."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import hypothesis.strategies as st
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.recording.domain.line_witnesses import Calls, FailedCall, LinkRules, LinkVerdict, Round
from services.recording.domain.link import Verdict, judge
from services.recording.domain.outage import (
    Change,
    Closed,
    Corrected,
    Merged,
    Opened,
    Outage,
    OutageRules,
    Touched,
    Updated,
    counted,
    follow,
)
from shared.events.vocabulary import Cause, Confidence, Operation, Owner, Source

START = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
RULES = OutageRules()
CHECK, SUBMIT, ASK = Operation.IDENTITY_CHECK, Operation.SUBMISSION, Operation.ASK
TWO, ONE = (Source.CALLS, Source.PROBE), (Source.PROBE,)
IDS = {Cause.NETWORK: UUID(int=1), Cause.SERVER: UUID(int=2)}


def verdict(
    said: LinkVerdict, owner: Owner, sources: tuple[Source, ...], at: datetime, *, calls: int = 3, rounds: int = 0
) -> Verdict:
    """Make a verdict of this moment."""
    return Verdict(said, owner, Confidence.HIGH, sources, "evidence", at, at, at + timedelta(seconds=15), calls, rounds)


def fine(at: datetime) -> Verdict:
    """Make a verdict that all is well, after an answered call."""
    return replace(verdict(LinkVerdict.FINE, Owner.UNDETERMINED, TWO, at, calls=0), last_answered_at=at)


def after(seconds: float) -> datetime:
    """Give a moment after the start."""
    return START + timedelta(seconds=seconds)


def step(outages: list[Outage], seconds: float, **seen: Verdict) -> list[Change]:
    """Follow once."""
    by_operation = {Operation(name): said for name, said in seen.items()}
    return follow(outages, by_operation, IDS, now=after(seconds), rules=RULES)


def opened(said: LinkVerdict = LinkVerdict.NETWORK, owner: Owner = Owner.CARRIER) -> Outage:
    """Open one."""
    (change,) = step([], 0, submission=verdict(said, owner, TWO, START))
    assert isinstance(change, Opened)
    return change.outage


def test_three_failures_by_two_sources_are_an_outage_and_less_is_none() -> None:
    dead = verdict(LinkVerdict.NETWORK, Owner.CARRIER, TWO, START)

    assert [type(one) for one in step([], 0, submission=dead)] == [Opened]
    assert not step([], 0, submission=replace(dead, failed_calls=2))
    assert not step([], 0, submission=replace(dead, sources=ONE))
    ours = verdict(LinkVerdict.LOCAL, Owner.US, TWO, START)
    assert not step([], 0, submission=ours)


@settings(max_examples=1000)
@given(
    st.integers(1, 8),
    st.integers(0, 9),
    st.integers(0, 9),
    st.sampled_from((ONE, TWO, (Source.CALLS,), ())),
    st.sampled_from(tuple(LinkVerdict)),
)
def test_it_opens_at_the_settled_number_of_failures_of_line_or_centre_by_two_sources(
    needed: int, calls: int, rounds: int, sources: tuple[Source, ...], said: LinkVerdict
) -> None:
    bad = verdict(said, Owner.UNDETERMINED, sources, START, calls=calls, rounds=rounds)

    changes = follow([], {SUBMIT: bad}, IDS, now=START, rules=OutageRules(failures=needed))

    is_fault = said in (LinkVerdict.NETWORK, LinkVerdict.SERVER)
    assert bool(changes) is (is_fault and calls + rounds >= needed and len(sources) == 2)


@given(
    causes=st.lists(st.sampled_from((Cause.LOCAL, Cause.DATA, Cause.BIOMETRIC)), max_size=6),
    neutral=st.sampled_from((None, True, False)),
    second_way=st.sampled_from((None, True, False)),
    is_spoken=st.booleans(),
)
def test_our_own_faults_and_refused_records_are_no_outage(
    *, causes: list[Cause], neutral: bool | None, second_way: bool | None, is_spoken: bool
) -> None:
    calls = tuple(FailedCall(UUID(int=n), UUID(int=n), cause, True, START, START) for n, cause in enumerate(causes))
    ours = Round(UUID(int=1), START, START, False, Cause.LOCAL, is_spoken, "", neutral, second_way)

    said = judge(Calls(calls), [ours] * 5, None, now=START, rules=LinkRules())

    assert not follow([], dict.fromkeys(Operation, said), IDS, now=START, rules=RULES)


def test_operations_that_fail_by_one_cause_are_one_outage() -> None:
    outage = opened()
    dead = verdict(LinkVerdict.NETWORK, Owner.CARRIER, TWO, START)

    (change,) = step([outage], 1, submission=dead, ask=dead)

    assert isinstance(change, Updated)
    assert change.outage.id == outage.id
    assert change.outage.operations == (ASK, SUBMIT)


def test_a_clean_minute_ends_it_and_not_knowing_does_not() -> None:
    outage = opened()
    unknown = verdict(LinkVerdict.UNDETERMINED, Owner.UNDETERMINED, (), START)

    assert not step([outage], 59, submission=fine(after(59)))
    assert [type(one) for one in step([outage], 60, submission=fine(after(60)))] == [Closed]
    (change,) = step([outage], 60, submission=unknown)
    assert isinstance(change, Touched)


def test_what_was_called_the_centres_is_corrected_when_two_sources_say_the_line() -> None:
    outage = opened(LinkVerdict.SERVER, Owner.CENTRE)

    changes = step([outage], 5, submission=verdict(LinkVerdict.NETWORK, Owner.CENTRE_NETWORK, TWO, after(5)))

    (change,) = changes
    assert isinstance(change, Corrected)
    assert (change.was_cause, change.was_owner) == (Cause.SERVER, Owner.CENTRE)
    assert (change.outage.cause, change.outage.owner) == (Cause.NETWORK, Owner.CENTRE_NETWORK)


def test_a_line_that_dies_after_the_centre_worked_again_is_another_outage() -> None:
    outage = opened(LinkVerdict.SERVER, Owner.CENTRE)
    dead = replace(verdict(LinkVerdict.NETWORK, Owner.CARRIER, TWO, after(5)), last_answered_at=after(3))

    changes = step([outage], 5, submission=dead)

    assert [type(one) for one in changes if not isinstance(one, Touched)] == [Opened]


def test_an_outage_corrected_into_the_fault_of_an_older_one_ends_in_it() -> None:
    older = opened()
    younger = replace(opened(LinkVerdict.SERVER, Owner.CENTRE), operations=(ASK,))
    dead = verdict(LinkVerdict.NETWORK, Owner.CARRIER, TWO, after(5))

    changes = step([older, younger], 5, submission=dead, ask=dead)

    kinds = [type(one) for one in changes if not isinstance(one, Touched)]
    assert kinds == [Corrected, Merged]
    (merged,) = [one for one in changes if isinstance(one, Merged)]
    assert (merged.younger.id, merged.older.id) == (younger.id, older.id)
    assert merged.older.operations == (ASK, SUBMIT)


def test_growth_is_told_now_and_then_or_when_it_is_tenfold() -> None:
    outage = replace(opened(), people=3, told_people=3, told_at=START)

    assert isinstance(counted(outage, 1, 5, now=after(5), rules=RULES), Touched)
    assert isinstance(counted(outage, 1, 30, now=after(5), rules=RULES), Updated)
    assert isinstance(counted(outage, 1, 5, now=after(30), rules=RULES), Updated)
    assert counted(outage, 0, 2, now=after(30), rules=RULES) is None


class Outages(RuleBasedStateMachine):
    """The ledger over any sequence of verdicts, as the store would keep it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.last_id = 10
        self.open: dict[UUID, Outage] = {}
        self.seen: dict[Operation, Verdict] = {}

    @rule(
        operation=st.sampled_from((CHECK, SUBMIT, ASK)),
        said=st.sampled_from(tuple(LinkVerdict)),
        owner=st.sampled_from((Owner.CARRIER, Owner.CENTRE_NETWORK, Owner.CENTRE, Owner.UNDETERMINED)),
        sources=st.sampled_from((ONE, TWO, (Source.CALLS,), (Source.PROBE, Source.SECOND_WAY))),
        calls=st.integers(0, 4),
        worked=st.booleans(),
    )
    def something_is_said(
        self,
        *,
        operation: Operation,
        said: LinkVerdict,
        owner: Owner,
        sources: tuple[Source, ...],
        calls: int,
        worked: bool,
    ) -> None:
        """A verdict on one operation changes."""
        made = verdict(said, owner, sources, self.now, calls=calls)
        self.seen[operation] = replace(made, last_answered_at=self.now if worked else None)
        self._turn()

    @rule(seconds=st.integers(1, 90))
    def time_passes(self, seconds: int) -> None:
        """Nothing new is said."""
        self.now += timedelta(seconds=seconds)
        self._turn()

    @precondition(lambda self: self.open)
    @rule(offices=st.integers(0, 40), people=st.integers(0, 4000))
    def people_are_counted(self, offices: int, people: int) -> None:
        """Those touched are counted."""
        for outage in list(self.open.values()):
            change = counted(outage, offices, people, now=self.now, rules=RULES)
            if change is not None:
                self._apply(change)
        assert all(one.people >= people for one in self.open.values())

    @rule()
    def all_is_clean_for_a_while(self) -> None:
        """Each outage ends after a clean minute."""
        for seconds in (1, 61):
            self.now += timedelta(seconds=seconds)
            self.seen = {operation: fine(self.now) for operation in Operation}
            self._turn()
        assert not self.open

    @invariant()
    def no_fault_has_two_outages(self) -> None:
        """One cause, one outage."""
        causes = [one.cause for one in self.open.values()]
        assert len(causes) == len(set(causes))

    @invariant()
    def nobody_else_is_named_by_one_source(self) -> None:
        """Two sources, or nobody."""
        for outage in self.open.values():
            assert outage.owner is Owner.UNDETERMINED or len(set(outage.sources)) >= 2
            assert outage.owner is not Owner.US

    def _turn(self) -> None:
        self.last_id += 2
        ids = {Cause.NETWORK: UUID(int=self.last_id), Cause.SERVER: UUID(int=self.last_id + 1)}
        standing = sorted(self.open.values(), key=lambda one: one.since)
        for change in follow(standing, self.seen, ids, now=self.now, rules=RULES):
            self._apply(change)

    def _apply(self, change: Change) -> None:
        match change:
            case Opened(outage):
                failing = self._failing(outage)
                assert sum(one.failed_calls for one in failing) >= RULES.failures
                assert len({source for one in failing for source in one.sources}) >= 2
                self._is_witnessed(outage, None)
                self.open[outage.id] = outage
            case Merged(younger, older):
                del self.open[younger.id]
                self.open[older.id] = older
            case Closed(outage):
                assert self.now - self.open.pop(outage.id).unclean_at >= RULES.clean
                known = [self.seen[one].verdict for one in outage.operations]
                assert LinkVerdict.UNDETERMINED not in known
            case Corrected(outage, was_cause, was_owner):
                before = self.open[outage.id]
                assert (was_cause, was_owner) == (before.cause, before.owner)
                assert (was_cause, was_owner) != (outage.cause, outage.owner)
                self._is_witnessed(outage, before)
                self.open[outage.id] = outage
            case Touched(outage) | Updated(outage):
                before = self.open[outage.id]
                assert before.cause is outage.cause
                assert before.owner in (outage.owner, Owner.UNDETERMINED)  # else it takes a correction
                self._is_witnessed(outage, before)
                self.open[outage.id] = outage

    def _failing(self, outage: Outage) -> list[Verdict]:
        return [one for one in self.seen.values() if one.verdict.value == outage.cause.value]

    def _is_witnessed(self, after: Outage, before: Outage | None) -> None:
        failing = self._failing(after)
        if before is not None and after.cause is not before.cause:
            assert len({source for one in failing for source in one.sources}) >= 2
        if after.owner is not Owner.UNDETERMINED and (before is None or after.owner is not before.owner):
            assert any(one.owner is after.owner and len(one.sources) >= 2 for one in failing)


TestOutages = Outages.TestCase
TestOutages.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
