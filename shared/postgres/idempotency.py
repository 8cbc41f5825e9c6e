"""Idempotency keys of POSTs: the first answer is stored in the transaction that did the work, and repeated."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from asyncpg import Record
from starlette.responses import Response

from shared.postgres.pool import Transaction
from shared.problems import KeyInUse, KeyReused

# A try, not a wait: a second request learns at once that the first is running. Held until the transaction ends, and
# taken in a statement of its own, so that the next one sees what the former holder committed.
TRY_LOCKS = """
    SELECT pg_try_advisory_xact_lock(hashtextextended(asked.client || chr(10) || asked.key, 0)) AS is_free
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (client, key, place)
    ORDER BY asked.place"""

FIRST_ANSWERS = """
    SELECT client, key, fingerprint, status, body, location
    FROM idempotency
    JOIN unnest($1::text[], $2::text[]) AS asked (client, key) USING (client, key)"""

REMEMBER = """
    INSERT INTO idempotency (client, key, fingerprint, status, body, location)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::integer[], $5::bytea[], $6::text[])"""


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """One POST as its client named it."""

    client: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What was, or will be, answered."""

    status: int
    body: bytes
    location: str | None = None
    is_repeated: bool = False

    def response(self) -> Response:
        """Write the answer, and say so when it is a repeated one."""
        headers = {"location": self.location} if self.location else {}
        if self.is_repeated:
            headers["idempotent-replayed"] = "true"
        return Response(self.body, self.status, headers, media_type="application/json")

    @property
    def is_worth_storing(self) -> bool:
        """Tell whether the same request would be answered the same again."""
        return self.status < 500 and self.status not in (400, 422)  # noqa: PLR2004  "5xx is not stored", by name


@dataclass(frozen=True, slots=True)
class Fresh:
    """Nobody asked this before: do it."""


@dataclass(frozen=True, slots=True)
class Replay:
    """It was done before: repeat the answer."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Reused:
    """The key was used for something else: refuse with KeyReused."""


@dataclass(frozen=True, slots=True)
class Running:
    """The first request is still being done: refuse with KeyInUse."""


Finding = Fresh | Replay | Reused | Running


def fingerprint(key: bytes, method: str, path: str, body: bytes) -> bytes:
    """Give an HMAC of the request; a bare hash of a body with a NIK in it could be reversed by trying."""
    return hmac.digest(key, b"\n".join((method.encode(), path.encode(), body)), hashlib.sha256)


async def look_up(tx: Transaction, requests: Sequence[KeyedRequest]) -> list[Finding]:
    """Find, for each request in order, whether to do it; the keys stay locked until this transaction ends."""
    names = [request.client for request in requests], [request.key for request in requests]
    free = [row["is_free"] for row in await tx.fetch(TRY_LOCKS, *names)]
    stored = {(row["client"], row["key"]): row for row in await tx.fetch(FIRST_ANSWERS, *names)}
    taken: dict[tuple[str, str], KeyedRequest] = {}
    findings: list[Finding] = []
    for request, is_free in zip(requests, free, strict=True):
        name = (request.client, request.key)
        findings.append(_finding(request, stored.get(name), taken.get(name), is_free=is_free))
        taken.setdefault(name, request)
    return findings


async def remember(tx: Transaction, answers: Sequence[tuple[KeyedRequest, Answer]]) -> None:
    """Store the first answers beside the work they tell of; those that may differ next time are left out."""
    kept = [(request, answer) for request, answer in answers if answer.is_worth_storing]
    if kept:
        rows = [(r.client, r.key, r.fingerprint, a.status, a.body, a.location) for r, a in kept]
        await tx.execute(REMEMBER, *(list(column) for column in zip(*rows, strict=True)))


async def once(tx: Transaction, request: KeyedRequest, do: Callable[[], Awaitable[Answer]]) -> Answer:
    """Do it and store the answer, or repeat the first one; raises KeyReused or KeyInUse."""
    (finding,) = await look_up(tx, [request])
    match finding:
        case Replay(answer):
            return answer
        case Reused():
            raise KeyReused
        case Running():
            raise KeyInUse
    answer = await do()
    await remember(tx, [(request, answer)])
    return answer


def _finding(request: KeyedRequest, stored: Record | None, earlier: KeyedRequest | None, *, is_free: bool) -> Finding:
    """`earlier` is a request of the same batch: its advisory lock is ours, so the database cannot tell."""
    first = stored["fingerprint"] if stored else earlier.fingerprint if earlier else request.fingerprint
    if not hmac.compare_digest(first, request.fingerprint):
        return Reused()
    if stored:
        return Replay(replace(Answer(stored["status"], stored["body"], stored["location"]), is_repeated=True))
    return Fresh() if is_free and not earlier else Running()
