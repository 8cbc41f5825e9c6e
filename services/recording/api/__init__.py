"""The HTTP API of recording (API §4)."""

from collections.abc import Callable, Mapping

from fastapi import APIRouter

from services.recording.api import attempts, blanks, decisions, gates, group_retries, link, outages, recordings
from services.recording.api.commands import Commands
from services.recording.domain.organisations import Organisation
from shared.events.vocabulary import Owner
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database


def routes(
    database: Database,
    outbox: Outbox,
    request_key: bytes,
    traces_url: str,
    ring: Callable[[], None],
    *,
    organisations: Mapping[Owner, Organisation],
) -> APIRouter:
    """Gather all routes under /v1; `ring` wakes the workers after a command."""
    commands = Commands(database, outbox, request_key, ring)
    router = APIRouter(prefix="/v1")
    router.include_router(recordings.routes(database))
    router.include_router(decisions.routes(database, commands))
    router.include_router(group_retries.routes(database, commands))
    router.include_router(attempts.routes(database, traces_url))
    router.include_router(gates.routes(database, commands))
    router.include_router(link.routes(database, organisations))
    router.include_router(outages.routes(database, commands, organisations))
    router.include_router(blanks.routes(database, commands))
    return router
