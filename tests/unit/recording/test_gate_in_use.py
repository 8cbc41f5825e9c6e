"""Workers, calls, probes and operators at one gate, in any order: never too many, never closed for ever."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.recording.domain.gate import Gate, Moment, Seen, UnderWay, observe, observe_probe, room
from services.recording.domain.operating import Order, ordered, up_to_date
from services.recording.domain.pace import Pace
from shared.events.vocabulary import Cause, GateState

START = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
REST = timedelta(seconds=1)
MOST = 6
dice = st.floats(0, 1)


class TheGateInUse(RuleBasedStateMachine):
    """Calls begin as the gate allows and end in any way, while the line dies and returns and people give orders."""

    gate: Gate

    @initialize(most=st.integers(1, MOST))
    def opens(self, most: int) -> None:
        """A gate that flows."""
        self.now = START
        self.gate = Gate(GateState.FLOWING, START, Pace(most, float(min(4, most))))
        self.under_way: list[tuple[UUID, datetime]] = []
        self.failed: set[UUID] = set()
        self.is_probed = False
        self.begun = 0

    @rule(seconds=st.floats(0.001, 90))
    def time_passes(self, seconds: float) -> None:
        """The clock of the database."""
        self.now += timedelta(seconds=seconds)

    @rule(wanted=st.integers(1, MOST))
    def a_worker_claims(self, wanted: int) -> None:
        """Whatever it may."""
        self.gate = up_to_date(self.gate, self.now)
        places = min(wanted, room(self.gate, self._under_way(), self.now))
        for _ in range(places):
            self.begun += 1
            self.under_way.append((UUID(int=self.begun % 5 + 1), self.now))
        self._admitted(places)

    @rule(place=st.integers(0, MOST), cause=st.none() | st.sampled_from(Cause), asked=st.integers(0, 1200), dice=dice)
    def a_call_ends(self, place: int, cause: Cause | None, asked: int, dice: float) -> None:
        """Well, or by any cause; the centre may ask for a rest."""
        if not self.under_way:
            return
        recording, began = self.under_way.pop(place % len(self.under_way))
        retry_after = timedelta(seconds=asked) if cause is Cause.SERVER and asked > 1000 else timedelta()
        before = self.gate
        self.gate = observe(self.gate, [Seen(recording, cause, began, retry_after)], Moment(self.now, REST, dice))
        if self.gate.state is GateState.HOLDING and before.state is GateState.FLOWING:
            assert len({*self.failed, recording}) >= 2
        if began >= before.since and cause is not Cause.LOCAL:
            is_failure = cause in (Cause.NETWORK, Cause.SERVER, Cause.UNKNOWN)
            self.failed = self.failed | {recording} if is_failure else set()

    @precondition(lambda self: self.gate.state is GateState.HOLDING and not self.is_probed)
    @rule()
    def a_probe_begins(self) -> None:
        """When it is due."""
        assert self.gate.probe_at is not None
        self.now = max(self.now, self.gate.probe_at)
        self.is_probed = True

    @precondition(lambda self: self.is_probed)
    @rule(is_alive=st.booleans(), dice=dice)
    def a_probe_ends(self, is_alive: bool, dice: float) -> None:  # noqa: FBT001  drawn, not passed
        """Answered or not."""
        self.is_probed = False
        self.gate = observe_probe(self.gate, is_alive=is_alive, moment=Moment(self.now, REST, dice))

    @rule(minutes=st.floats(0.01, 1440), pauses=st.booleans())
    def an_operator_orders(self, minutes: float, pauses: bool) -> None:  # noqa: FBT001  drawn, not passed
        """A pause or its end."""
        self.gate = ordered(self.gate, Order("x", "test", self._in(minutes), pauses), self.now)

    @rule(minutes=st.floats(0.01, 1440), per_second=st.none() | st.floats(0.1, 50))
    def an_operator_limits(self, minutes: float, per_second: float | None) -> None:
        """A ceiling, or its end."""
        self.gate = ordered(self.gate, Order("x", "test", self._in(minutes), per_second=per_second), self.now)

    @invariant()
    def never_more_calls_than_the_limit(self) -> None:
        """Whatever came before, the next claim stays under it; and it is at least one."""
        pace = self.gate.pace
        assert 1 <= pace.allowed <= pace.most
        free = room(self.gate, self._under_way(), self.now)
        if self.gate.state is GateState.FLOWING:
            assert free == 0 or free + len(self.under_way) <= pace.calls
        else:
            assert free <= (1 if self.gate.state is GateState.PROBING else 0)

    @invariant()
    def a_gate_that_is_shut_has_an_end(self) -> None:
        """By a probe, or by the clock."""
        if self.gate.state is GateState.HOLDING:
            assert self.gate.probe_at is not None
            assert self.gate.probe_at <= self.now + timedelta(seconds=30 * 1.3)
        if self.gate.state is GateState.PAUSED:
            assert self.gate.orders.paused_until is not None

    @invariant()
    def never_closed_for_ever(self) -> None:
        """From here answered probes and successes open it, once what was ordered and asked is over."""
        now = self.now + timedelta(days=2)
        gate = up_to_date(self.gate, now)
        if gate.state is GateState.HOLDING:
            gate = observe_probe(gate, is_alive=True, moment=Moment(now, REST, 0.5))
        assert room(gate, UnderWay(0, 0), now) >= 1
        gate = observe(gate, [Seen(UUID(int=1), None, now)], Moment(now, REST, 0.5))
        assert (gate.state, gate.cause, gate.failing, gate.losses) == (GateState.FLOWING, None, (), 0)

    def _under_way(self) -> UnderWay:
        since = [one for one in self.under_way if one[1] >= self.gate.since]
        return UnderWay(len(self.under_way), len(since))

    def _admitted(self, calls: int) -> None:
        is_filled = self.gate.state is GateState.FLOWING and len(self.under_way) >= self.gate.pace.calls
        pace, orders = self.gate.pace, self.gate.orders
        if is_filled and calls:
            pace = replace(pace, filled_at=self.now)
        if orders.ceiling:
            orders = replace(orders, ceiling=orders.ceiling.after(calls, self.now))
        self.gate = replace(self.gate, pace=pace, orders=orders)

    def _in(self, minutes: float) -> datetime:
        return self.now + timedelta(minutes=minutes)


TestTheGateInUse = TheGateInUse.TestCase
TestTheGateInUse.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
