"""What becomes of a person at the counter."""

from datetime import UTC, date, datetime
from uuid import UUID

from services.intake.domain.nik import Sex
from services.intake.domain.visits import (
    Arrival,
    Decision,
    Recording,
    RefuseBeside,
    RefuseOpen,
    Register,
    Registrar,
    Rejoin,
    card_not_before,
    decide,
)
from shared.events.vocabulary import Purpose

HERE, ELSEWHERE = "32.16.06", "32.16.07"
MORNING = datetime(2017, 6, 14, 1, 30, tzinfo=UTC)
OFFICER = Registrar("officer")


def arrives(registrar: Registrar = OFFICER, *opened: Recording, beside_reason: str | None = None) -> Decision:
    arrival = Arrival(
        office=HERE,
        purpose=Purpose.FIRST_RECORDING,
        nik="3216061001000001",
        name="CONTOH SATU",
        birth_date=date(2000, 1, 10),
        sex=Sex.MALE,
        arrived_at=MORNING,
        beside_reason=beside_reason,
    )
    return decide(arrival, registrar, opened)


def opened_at(office: str, number: int = 1, created_by: str = "officer") -> Recording:
    return Recording(
        id=UUID(int=number),
        nik_ref=UUID(int=99),
        office=office,
        purpose=Purpose.FIRST_RECORDING,
        since=MORNING,
        receipt_code="",
        check_hmac="",
        created_by=created_by,
        is_open=True,
        sequence=1,
        packet_version=0,
    )


def test_a_new_person_is_registered() -> None:
    assert arrives() == Register()


def test_a_person_whose_recording_is_open_here_goes_on_with_it() -> None:
    assert arrives(OFFICER, opened_at(ELSEWHERE, 1), opened_at(HERE, 2)) == Rejoin(UUID(int=2))


def test_a_recording_open_elsewhere_is_told_and_not_doubled() -> None:
    elsewhere = opened_at(ELSEWHERE)

    assert arrives(OFFICER, elsewhere) == RefuseOpen(elsewhere)


def test_only_a_supervisor_with_a_reason_begins_a_second_one() -> None:
    supervisor = Registrar("supervisor", may_register_beside=True)

    assert arrives(OFFICER, opened_at(HERE), beside_reason="other_purpose") == RefuseBeside()
    assert arrives(supervisor, opened_at(HERE), beside_reason="other_purpose") == Register()
    assert arrives(supervisor, opened_at(HERE)) == Rejoin(UUID(int=1))


def test_an_agency_does_not_join_what_another_opened() -> None:
    agency = Registrar("agency:x", sees_own_only=True)
    others, own = opened_at(HERE, 1), opened_at(HERE, 2, created_by="agency:x")

    assert arrives(agency, others) == RefuseOpen(others)
    assert arrives(agency, others, own) == Rejoin(own.id)


def test_a_card_waits_for_the_seventeenth_birthday() -> None:
    today = date(2017, 6, 14)

    def until(birth_date: date, purpose: Purpose = Purpose.FIRST_RECORDING) -> date | None:
        return card_not_before(purpose, birth_date, today)

    assert until(date(2000, 6, 15)) == date(2017, 6, 15)
    assert until(date(2000, 6, 14)) is None
    assert until(date(2004, 2, 29)) == date(2021, 3, 1)
    assert until(date(2001, 1, 1), Purpose.SUKET_EXTENSION) is None
