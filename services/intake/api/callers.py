"""What a request brings along beside its body."""

from typing import Annotated

from fastapi import Depends, Request

from services.intake.domain.visits import Actor, Registrar, Sight
from services.intake.usecases.desk import Desk
from shared.auth import Authorizer, Caller
from shared.http import trace_id_of
from shared.postgres.idempotency import KeyedRequest, fingerprint
from shared.problems import NotFound

_AGENCY = "agency"


async def any_caller(request: Request) -> Caller:
    """Admit every valid token, whatever its verbs."""
    authorizer: Authorizer = request.app.state.authorizer
    return await authorizer.caller(request.headers.get("authorization"))


AnyCaller = Annotated[Caller, Depends(any_caller)]


def sight_of(caller: Caller) -> Sight:
    """Tell what the caller may see: an agency sees only what it created."""
    return Sight(caller.office_patterns(), caller.client_id if caller.role == _AGENCY else None)


def actor_of(caller: Caller, request: Request) -> Actor:
    """Tell who acts, for the log of access."""
    return Actor(
        subject=caller.subject, client_id=caller.client_id, sight=sight_of(caller), trace_id=trace_id_of(request)
    )


def registrar_of(caller: Caller) -> Registrar:
    """Tell what the caller may register."""
    return Registrar(caller.client_id, "register_beside" in caller.scopes, caller.role == _AGENCY)


def known_office(desk: Desk, caller: Caller, office: str) -> str:
    """Give the office back when it exists and is the caller's; a foreign one is as if it did not exist."""
    if office not in desk.offices or not caller.may_see(office):
        raise NotFound("No such office in your offices.")
    return office


async def keyed_request(desk: Desk, caller: Caller, key: str, request: Request) -> KeyedRequest:
    """Name this POST as its client did."""
    mark = fingerprint(desk.request_key, request.method, request.url.path, await request.body())
    return KeyedRequest(caller.client_id, key, mark)
