"""From a body to what the use case is asked."""

from datetime import datetime, timedelta

from services.intake.api.bodies import ArrivalBody, ContactBody
from services.intake.api.callers import known_office, registrar_of
from services.intake.domain.visits import Arrival, Contact
from services.intake.usecases.accept_arrivals import Asked
from services.intake.usecases.desk import Desk
from shared.auth import Caller
from shared.postgres.idempotency import KeyedRequest, fingerprint
from shared.problems import Invalid

# Singly or in a batch, the same key and the same arrival are the same request.
_PATH = "/v1/arrivals"
_CLOCK_TOLERANCE = timedelta(minutes=5)


def asked_of(body: ArrivalBody, caller: Caller, desk: Desk, *, key: str, traceparent: str, now: datetime) -> Asked:
    """Check what needs the office and the clock, and name the request."""
    known_office(desk, caller, body.office)
    if body.birth_date > desk.today_at(body.office, now):
        raise Invalid("See the errors.", errors=[{"pointer": "#/birth_date", "detail": "lies in the future"}])
    arrived_at = body.arrived_at or now
    is_ahead = arrived_at > now + _CLOCK_TOLERANCE
    canonical = body.model_dump_json(exclude={"key"}).encode()
    return Asked(
        arrival=_arrival(body, min(arrived_at, now)),
        registrar=registrar_of(caller),
        keyed=KeyedRequest(caller.client_id, key, fingerprint(desk.request_key, "POST", _PATH, canonical)),
        traceparent=traceparent,
        warnings=("clock_ahead",) if is_ahead else (),
    )


def contact_of(body: ContactBody) -> Contact:
    """Give the contact as the domain knows it."""
    return Contact(phone=body.phone, email=body.email, language=body.language)


def _arrival(body: ArrivalBody, arrived_at: datetime) -> Arrival:
    return Arrival(
        office=body.office,
        purpose=body.purpose,
        nik=body.nik,
        name=body.name,
        birth_date=body.birth_date,
        sex=body.sex,
        arrived_at=arrived_at,
        leaves_on=body.leaves_on,
        contact=contact_of(body.contact) if body.contact else None,
        reference=body.reference,
        paper_number=body.paper_number,
        beside_reason=body.reason_code,
    )
