"""Runs a command once per Idempotency-Key, in the transaction of its effect."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from fastapi import Request
from starlette.responses import Response

from shared.auth import Caller
from shared.postgres.idempotency import Answer, KeyedRequest, fingerprint, once
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database, Transaction

Command = Callable[[Transaction, Outbox], Awaitable[Any]]


class Commands:
    """What the POST routes of this service share."""

    def __init__(self, database: Database, outbox: Outbox, request_key: bytes, ring: Callable[[], None]) -> None:
        self._database = database
        self._outbox = outbox
        self._request_key = request_key
        self._ring = ring

    async def run(
        self, request: Request, caller: Caller, key: str, command: Command, *, status: int = 200, location: str = ""
    ) -> Response:
        """Do the command, or give the first answer again; whatever it returns is the body."""
        body = await request.body()
        print_of_it = fingerprint(self._request_key, request.method, request.url.path, body)
        async with self._database.transaction() as tx:

            async def do() -> Answer:
                return Answer(status, orjson.dumps(await command(tx, self._outbox)), location or None)

            answer = await once(tx, KeyedRequest(caller.client_id, key, print_of_it), do)
        self._ring()
        return answer.response()
