"""A group retry under any order of results, cuts, pauses, resumes, cancels and kills: each id exactly once."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.recording.domain.group_retry import (
    Complete,
    Deferral,
    GroupRetry,
    ItemState,
    PauseItself,
    Progress,
    StartWave,
    cancel,
    decide,
    pause,
    resume,
    start,
)
from shared.events.vocabulary import GroupRetryState


class AGroupsLife(RuleBasedStateMachine):
    """Items as the store keeps them, under every order of results, cuts, pauses, resumes, a cancel and kills."""

    @initialize(count=st.integers(1, 120))
    def is_frozen(self, count: int) -> None:
        """A plan that was started."""
        self.group = start(GroupRetry(GroupRetryState.PLANNED))
        self.items: dict[int, tuple[ItemState, int, Deferral | None]] = dict.fromkeys(
            range(count), (ItemState.REQUESTED, 0, None)
        )
        self.begun: list[int] = []
        self.good = 0  # waves in a row that the next may be larger for, counted independently
        self.is_flowing = True

    @rule()
    def a_worker_takes_a_turn(self) -> None:
        """Decision and effects are one transaction: a kill leaves either all of it or nothing."""
        decision = decide(self.group, self._seen())
        match decision:
            case StartWave(group, size):
                self._wave_begins(group, size)
            case PauseItself(group):
                done, again = self._settled()
                assert done < 0.9 * (done + again)
                self.group, self.good = group, 0
            case Complete(group):
                assert not {ItemState.REQUESTED, ItemState.RUNNING} & self._states()
                self.group = group

    @rule()
    def a_worker_dies_in_its_turn(self) -> None:
        """What it decided is not committed."""
        decide(self.group, self._seen())

    @precondition(lambda self: any(state is ItemState.RUNNING for state, _, _ in self.items.values()))
    @rule(data=st.data(), how=st.sampled_from([*Deferral, ItemState.DONE, ItemState.DONE, ItemState.FAILED_AGAIN]))
    def an_outcome_is_accepted(self, data: st.DataObject, how: ItemState | Deferral) -> None:
        """Of any wave."""
        self._accept(data.draw(st.sampled_from(self._running())), how)

    @precondition(lambda self: any(state is ItemState.RUNNING for state, _, _ in self.items.values()))
    @rule(how=st.sampled_from([ItemState.DONE, ItemState.FAILED_AGAIN]))
    def all_that_runs_ends(self, how: ItemState) -> None:
        """So that groups get far."""
        for item in self._running():
            self._accept(item, how)

    @rule(is_flowing=st.booleans())
    def the_line(self, *, is_flowing: bool) -> None:
        """Dies or comes back."""
        self.is_flowing = is_flowing

    @precondition(lambda self: self.group.state in (GroupRetryState.RUNNING, GroupRetryState.PAUSED))
    @rule(verb=st.sampled_from(["pause", "resume"]))
    def a_person_steers(self, verb: str) -> None:
        """Also when it is so already."""
        before = self.group
        self.group = pause(self.group, "somebody") if verb == "pause" else resume(self.group)
        if self.group != before:
            self.good = 0

    @precondition(lambda self: self.group.state is not GroupRetryState.COMPLETED and len(self.begun) > 30)
    @rule()
    def a_person_cancels(self) -> None:
        """What has not begun never does."""
        self.group = cancel(self.group)
        for item, (state, _, _) in self.items.items():
            if state is ItemState.REQUESTED:
                self.items[item] = (ItemState.SKIPPED, 0, None)

    @invariant()
    def each_id_begins_at_most_once_and_completed_means_that_all_have_a_result(self) -> None:
        """Whatever was paused, resumed, cancelled or killed."""
        if hasattr(self, "begun"):
            assert len(self.begun) == len(set(self.begun))
            if self.group.state is GroupRetryState.COMPLETED:
                assert set(self.begun) == set(self.items)

    def _wave_begins(self, group: GroupRetry, size: int) -> None:
        assert self.group.state is GroupRetryState.RUNNING
        assert self.is_flowing
        done, again = self._settled()
        if self.good:
            assert done >= 0.9 * (done + again)
        assert size <= (1 if self.good == 0 else 10 * 2 ** (self.good - 1))
        self.good += 1
        self.group = group
        chosen = [item for item, (state, _, _) in self.items.items() if state is ItemState.REQUESTED][:size]
        assert chosen
        for item in chosen:
            self.items[item] = (ItemState.RUNNING, group.wave, None)
        self.begun += chosen

    def _accept(self, item: int, how: ItemState | Deferral) -> None:
        _, wave, _ = self.items[item]
        deferred = how if isinstance(how, Deferral) else None
        state = ItemState.RUNNING if isinstance(how, Deferral) else how
        self.items[item] = (state, wave, deferred)

    def _settled(self) -> tuple[int, int]:
        wave = [state for state, number, _ in self.items.values() if number == self.group.wave and number]
        return wave.count(ItemState.DONE), wave.count(ItemState.FAILED_AGAIN)

    def _seen(self) -> Progress:
        wave = [(state, why) for state, number, why in self.items.values() if number == self.group.wave and number]
        running = [why for state, why in wave if state is ItemState.RUNNING]
        done, again = self._settled()
        has_requested = ItemState.REQUESTED in self._states()
        return Progress(
            fresh=running.count(None),
            deferred=len(running) - running.count(None),
            checking=running.count(Deferral.CHECKING),
            cut=0 if self.is_flowing else running.count(Deferral.LINK),
            done=done,
            failed_again=again,
            signature="x" if again else None,
            has_requested=has_requested,
            has_ready=has_requested and self.is_flowing,
            has_running=ItemState.RUNNING in self._states(),
        )

    def _running(self) -> list[int]:
        return [item for item, (state, _, _) in self.items.items() if state is ItemState.RUNNING]

    def _states(self) -> set[ItemState]:
        return {state for state, _, _ in self.items.values()}


TestAGroupsLife = AGroupsLife.TestCase
TestAGroupsLife.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
