"""What front-ends ask first: the offices there are, and the key packets are sealed to."""

from fastapi import APIRouter
from pydantic import BaseModel

from services.intake.api.callers import AnyCaller
from services.intake.usecases.desk import Desk
from shared.events.offices import Office


class OfficeOut(BaseModel):
    code: str
    name: str
    regency: str
    regency_name: str
    zone: str


class OfficesOut(BaseModel):
    items: list[OfficeOut]
    next: None = None


class SealingKeysOut(BaseModel):
    """A JWK set (RFC 8037)."""

    keys: list[dict[str, str]]


def offices_routes(desk: Desk) -> APIRouter:
    """Make the routes that tell what there is."""
    router = APIRouter(prefix="/v1", tags=["offices"])

    @router.get("/offices")
    async def list_offices(caller: AnyCaller) -> OfficesOut:
        """List the caller's offices, by code."""
        codes = sorted(code for code in desk.offices if caller.may_see(code))
        return OfficesOut(items=[_shown(desk.offices[code]) for code in codes])

    @router.get("/sealing-keys")
    async def list_sealing_keys() -> SealingKeysOut:
        """Publish the centre's public key; it is no secret, so no token is asked."""
        return SealingKeysOut(keys=[desk.vault.centre_key.to_json()])

    return router


def _shown(office: Office) -> OfficeOut:
    return OfficeOut(
        code=office.code,
        name=office.name,
        regency=office.regency,
        regency_name=office.regency_name,
        zone=office.zone.key,
    )
