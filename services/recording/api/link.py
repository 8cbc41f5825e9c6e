"""The link verdict per operation: is it the network or the server, since when, and says who."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter

from services.recording.domain.line_witnesses import LinkVerdict
from services.recording.domain.link import Verdict, shown_at
from services.recording.domain.organisations import Organisation
from services.recording.store import links
from shared.auth import Caller, needs
from shared.events.vocabulary import Confidence, Operation, Owner
from shared.postgres.pool import Database, clock


def routes(database: Database, organisations: Mapping[Owner, Organisation]) -> APIRouter:
    """Make the router of the link verdict; whoever may read a board may read it."""
    router = APIRouter(tags=["link"])

    @router.get("/link")
    async def link(_caller: Annotated[Caller, needs("read_board")]) -> dict[str, Any]:
        """One verdict per operation: fine, network, server, local, undetermined; an expired one is undetermined."""
        async with database.connection() as tx:
            now = await clock(tx)
            _, rows = await links.read_all(tx)
        items = []
        for operation in Operation:
            verdict, evidence = rows.get(operation) or (_nothing(now), {})
            items.append(_shown(operation, verdict, evidence, now, organisations))
        return {"items": items, "next": None}

    return router


def organisation_shown(owner: Owner, organisations: Mapping[Owner, Organisation]) -> dict[str, str] | None:
    """Show who stands behind an owner; nobody while it is undetermined."""
    if owner is Owner.UNDETERMINED:
        return None
    return {"name": organisations[owner].name, "contact": organisations[owner].contact}


def _shown(
    operation: Operation,
    verdict: Verdict,
    evidence: dict[str, Any],
    now: datetime,
    organisations: Mapping[Owner, Organisation],
) -> dict[str, Any]:
    shown = shown_at(verdict, now)
    return {
        "operation": operation,
        "verdict": shown.verdict,
        "owner": shown.owner,
        "organisation": organisation_shown(shown.owner, organisations),
        "since": shown.since,
        "confidence": shown.confidence,
        "sources": shown.sources,
        "because": shown.because,
        "evidence": evidence if shown is verdict else {},
        "checked_at": shown.checked_at,
        "expires_at": shown.expires_at,
    }


def _nothing(now: datetime) -> Verdict:
    return Verdict(
        verdict=LinkVerdict.UNDETERMINED,
        owner=Owner.UNDETERMINED,
        confidence=Confidence.LOW,
        sources=(),
        because="nobody has looked yet",
        since=now,
        checked_at=now,
        expires_at=now,
    )
