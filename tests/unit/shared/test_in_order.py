"""Whatever the mix of types and keys, each key is applied in the order it was heard."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from shared.events.envelope import Data, Event
from shared.events.intake import ApplicantCalled, ApplicantNoShow, ApplicantServed, Ticket
from shared.events.vocabulary import TicketLane
from shared.kafka.ears import UseCase, in_order
from shared.postgres.pool import Transaction

TICKET = Ticket(id=uuid4(), number="A-001", lane=next(iter(TicketLane)))


async def call(_tx: Transaction, _events: list[Event[Any]]) -> None:
    """Stand for a use case that hears one type."""


async def close(_tx: Transaction, _events: list[Event[Any]]) -> None:
    """Stand for a use case that hears two types."""


HEARS: dict[type[Data], UseCase] = {ApplicantCalled: call, ApplicantServed: close, ApplicantNoShow: close}
SAID = {
    "called": ApplicantCalled(ticket=TICKET, counter=1),
    "served": ApplicantServed(ticket=TICKET),
    "no_show": ApplicantNoShow(ticket=TICKET),
}
HEARD = st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from(sorted(SAID))), max_size=40)


@given(HEARD)
def test_order_is_kept_within_each_key_and_nothing_is_lost_or_doubled(heard: list[tuple[str, str]]) -> None:
    events = events_of(heard)

    applied = [event for _, group in in_order(events, HEARS) for event in group]

    assert sorted(event.sequence for event in applied) == list(range(len(events)))
    for key in "ABC":
        assert of_key(applied, key) == of_key(events, key)


@given(HEARD)
def test_a_use_case_gets_only_what_it_hears(heard: list[tuple[str, str]]) -> None:
    for use_case, group in in_order(events_of(heard), HEARS):
        assert {HEARS[type(event.data)] for event in group} == {use_case}


def test_events_of_one_type_come_as_one_list() -> None:
    assert len(in_order(events_of([(key, "called") for key in "ABCABC"]), HEARS)) == 1


def events_of(heard: Sequence[tuple[str, str]]) -> list[Event[Any]]:
    return [
        Event.of(SAID[said], source="/rekam/intake", key=key, office="32.16.06", sequence=number, traceparent="")
        for number, (key, said) in enumerate(heard)
    ]


def of_key(events: Sequence[Event[Any]], key: str) -> list[int]:
    return [event.sequence for event in events if event.key == key]
