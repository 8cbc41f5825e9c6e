"""Due messages are leased, sent with no transaction open, and settled with their events in one transaction."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog

from services.notification import events_out, store
from services.notification.channels.smtp import Connection, Mail, MailServer, NotTaken, TryAgain
from services.notification.domain.sending import Backoff, Broken, Later, Refused, Result, Took, judge
from services.notification.domain.texts import Texts
from services.notification.store import Claim
from services.notification.usecases.hear_facts import CHANNEL
from services.notification.usecases.write_letters import Letter, write_letter
from shared.ids import uuid7
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database, clock
from shared.sealing import OpeningKey

_BATCH = 64
_LEASE = timedelta(seconds=60)
_BATCH_SECONDS = 40.0  # a lease outlives the whole batch
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SendMessages:
    """The use case with what it leans on."""

    database: Database
    outbox: Outbox
    server: MailServer
    key: OpeningKey
    texts: Texts
    backoff: Backoff
    dice: Callable[[], float]
    connections: int = 4

    async def __call__(self) -> bool:
        """Send what is due, at most one batch; tells whether there may be more."""
        token = uuid7()
        async with self.database.transaction() as tx:
            claims = await store.claim(tx, CHANNEL, limit=_BATCH, token=token, lease=_LEASE)
        if not claims:
            return False
        results = await self._send(claims)
        await self._settle(token, claims, results)
        return len(claims) >= _BATCH

    async def _send(self, claims: Sequence[Claim]) -> dict[UUID, Result]:
        written = await asyncio.to_thread(lambda: [write_letter(claim, self.key, self.texts) for claim in claims])
        results: dict[UUID, Result] = {}
        shares: list[list[Letter]] = [[] for _ in range(self.connections)]
        for claim, letter in zip(claims, written, strict=True):
            if isinstance(letter, Letter):
                # One person's mails go over one connection, in order.
                shares[claim.recording_id.int % self.connections].append(letter)
            else:
                results[claim.id] = letter
        async with asyncio.TaskGroup() as tasks:
            for share in filter(None, shares):
                tasks.create_task(self._send_share(share, results))
        return results

    async def _send_share(self, letters: Sequence[Letter], results: dict[UUID, Result]) -> None:
        failure = "timeout"
        try:
            async with asyncio.timeout(_BATCH_SECONDS), self.server.connected() as connection:
                for letter in letters:
                    results[letter.claim.id] = await _hand_over(connection, letter)
                    if not connection.is_open:
                        failure = "connection_lost"
                        break
        except TryAgain as error:
            failure = error.failure
        except TimeoutError:
            _log.warning("a mail batch ran out of time", letters=len(letters))
        for letter in letters:
            results.setdefault(letter.claim.id, Later(failure))

    async def _settle(self, token: UUID, claims: Sequence[Claim], results: dict[UUID, Result]) -> None:
        async with self.database.connection() as connection:
            now = await clock(connection)
        verdicts = {
            claim.id: judge(
                results[claim.id],
                created_at=claim.created_at,
                attempts=claim.attempts,
                now=now,
                backoff=self.backoff,
                dice=self.dice(),
            )
            for claim in claims
        }
        async with self.database.transaction() as tx:
            await store.lock_journeys(tx, {claim.recording_id for claim in claims})
            settled = await store.settle(tx, token, verdicts)
            told = [(c, verdicts[c.id]) for c in claims if c.id in settled and events_out.is_told(verdicts[c.id])]
            counts: dict[UUID, int] = {}
            for claim, _ in told:
                counts[claim.recording_id] = counts.get(claim.recording_id, 0) + 1
            await self.outbox.add(tx, events_out.told(told, await store.number_events(tx, counts)))


async def _hand_over(connection: Connection, letter: Letter) -> Result:
    mail = Mail(str(letter.claim.id), letter.address, letter.written.subject, letter.written.body, letter.language)
    try:
        await connection.send(mail)
    except TryAgain as error:
        return Later(error.failure)
    except NotTaken as error:
        return Refused(error.failure)
    except ValueError:
        return Broken("mail_not_writable")
    return Took()
