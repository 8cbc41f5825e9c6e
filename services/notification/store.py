"""All SQL of notification: what is known of journeys, the sealed contacts, the message ledger, the channels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from services.notification.domain.journey import Journey, Visit
from services.notification.domain.sending import RESENDABLE, MessageState, Verdict
from shared.events.progress import Progress
from shared.events.situation import Situation
from shared.postgres.pool import Transaction

ENSURE = """
    INSERT INTO journey (recording_id)
    SELECT id FROM unnest($1::uuid[]) AS id
    ORDER BY id
    ON CONFLICT DO NOTHING"""

# The journey's row is the lock of all that concerns one recording: facts, contacts and outcomes take it first.
LOCK = """
    SELECT recording_id, office, visit::text AS visit, progress::text AS progress
    FROM journey
    WHERE recording_id = ANY($1)
    ORDER BY recording_id
    FOR UPDATE"""

SAVE = """
    UPDATE journey j
    SET office = f.office, visit = f.visit::jsonb, progress = f.progress::jsonb
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS f (recording_id, office, visit, progress)
    WHERE j.recording_id = f.recording_id"""

SAID = """
    UPDATE journey j
    SET said = said + f.events
    FROM unnest($1::uuid[], $2::int[]) AS f (recording_id, events)
    WHERE j.recording_id = f.recording_id
    RETURNING j.recording_id, j.said - f.events AS said_before"""

CREATE = """
    INSERT INTO message (id, recording_id, office, situation, channel, fact, template, template_version, said_in,
        traceparent, state, reason, due_at)
    SELECT f.id, f.recording_id, f.office, f.situation, f.channel, f.fact, f.template, f.version, f.said_in::jsonb,
        f.traceparent, CASE WHEN c.sealed IS NULL THEN 'suppressed' ELSE 'created' END,
        CASE WHEN c.sealed IS NULL THEN 'no_contact' END, now()
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int[],
        $9::text[], $10::text[])
        AS f (id, recording_id, office, situation, channel, fact, template, version, said_in, traceparent)
    LEFT JOIN contact c ON c.recording_id = f.recording_id
    ORDER BY f.id
    ON CONFLICT (recording_id, situation, channel, fact) DO NOTHING"""

SAVE_CONTACTS = """
    INSERT INTO contact AS c (recording_id, office, sealed, label_version, changed_at)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::timestamptz[]) ORDER BY 1
    ON CONFLICT (recording_id) DO UPDATE
    SET (office, sealed, label_version, changed_at)
        = (excluded.office, excluded.sealed, excluded.label_version, excluded.changed_at)
    WHERE c.changed_at <= excluded.changed_at"""

# Late, only the newest news is worth sending, and the arrival, which carries the code; and only while it is news.
REVIVE = """
    UPDATE message m
    SET state = 'created', reason = NULL, due_at = now(), updated_at = now()
    FROM (
        SELECT DISTINCT ON (recording_id) recording_id, id
        FROM message
        WHERE recording_id = ANY($1)
        ORDER BY recording_id, id DESC) newest
    WHERE m.recording_id = newest.recording_id AND (m.id = newest.id OR m.situation = 'arrived')
      AND m.state = 'suppressed' AND m.reason IN ('no_contact', 'no_address')
      AND m.created_at > now() - interval '1 day'"""

WITHDRAW = """
    UPDATE message
    SET state = 'suppressed', reason = 'withdrawn', due_at = NULL, updated_at = now()
    WHERE recording_id = ANY($1) AND state IN ('created', 'temporary_failure')"""

CLAIM = """
    WITH due AS MATERIALIZED (
        SELECT id
        FROM message
        WHERE channel = $1 AND state IN ('created', 'temporary_failure') AND due_at <= now()
        ORDER BY due_at
        LIMIT $2
        FOR UPDATE SKIP LOCKED),
    expired AS MATERIALIZED (
        SELECT id
        FROM message
        WHERE channel = $1 AND state = 'sending' AND leased_until < now()
        ORDER BY leased_until
        LIMIT $2
        FOR UPDATE SKIP LOCKED),
    claimed AS (
        UPDATE message m
        SET state = 'sending', attempts = attempts + 1, lease_token = $3, leased_until = now() + $4::interval,
            updated_at = now()
        FROM (SELECT id FROM due UNION ALL SELECT id FROM expired) picked
        WHERE m.id = picked.id AND EXISTS (SELECT FROM channel WHERE name = $1 AND is_enabled)
        RETURNING m.*)
    SELECT m.id, m.recording_id, m.office, m.situation, m.channel, m.template, m.template_version, m.said_in,
        m.attempts, m.created_at, m.traceparent, c.sealed, c.office AS sealed_at, c.label_version
    FROM claimed m
    LEFT JOIN contact c ON c.recording_id = m.recording_id
    ORDER BY m.id"""  # leans on message_due and message_leased

SETTLE = """
    UPDATE message m
    SET state = f.state, reason = f.reason, due_at = f.due_at, lease_token = NULL, leased_until = NULL,
        updated_at = now(), sent_at = CASE WHEN f.state = 'sent' THEN now() ELSE m.sent_at END
    FROM unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[]) AS f (id, state, reason, due_at)
    WHERE m.id = f.id AND m.state = 'sending' AND m.lease_token = $1
    RETURNING m.id"""  # the token keeps a worker that slept past its lease from writing

_SHOWN = """id, recording_id, office, situation, channel, state, reason, template, template_version, attempts, due_at,
        created_at, updated_at, sent_at"""

LIST = f"""
    SELECT {_SHOWN}
    FROM message
    WHERE office LIKE ANY($1::text[])
      AND ($2::uuid IS NULL OR recording_id = $2)
      AND ($3::text IS NULL OR state = $3)
      AND ($4::uuid IS NULL OR id < $4)
    ORDER BY id DESC
    LIMIT $5"""  # noqa: S608  joined from constants

LOCK_ONE = f"SELECT {_SHOWN} FROM message WHERE id = $1 AND office LIKE ANY($2::text[]) FOR UPDATE"  # noqa: S608  as above

RESEND = """
    UPDATE message
    SET state = 'created', reason = NULL, due_at = now(), updated_at = now()
    WHERE id = $1"""

CHANNELS = "SELECT name, is_enabled, reason_code, changed_by, changed_at FROM channel ORDER BY name"

SWITCH = """
    UPDATE channel
    SET is_enabled = $2, reason_code = $3, changed_by = $4, changed_at = now()
    WHERE name = $1
    RETURNING name, is_enabled, reason_code, changed_by, changed_at"""


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A ledger row to be."""

    id: UUID
    recording_id: UUID
    office: str
    situation: Situation
    channel: str
    fact: str
    template: str
    template_version: int
    said_in: str
    traceparent: str


@dataclass(frozen=True, slots=True)
class Contact:
    """How to reach a person, as it came: sealed; absent bytes mean withdrawn."""

    recording_id: UUID
    office: str
    sealed: str | None
    label_version: int
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """A message leased for one try, with its sealed contact if there is one."""

    id: UUID
    recording_id: UUID
    office: str
    situation: Situation
    channel: str
    template: str
    template_version: int
    said_in: Mapping[str, Mapping[str, str | None]]
    attempts: int
    created_at: datetime
    traceparent: str
    sealed: str | None
    sealed_at: str | None
    label_version: int | None


async def lock_journeys(tx: Transaction, recordings: Iterable[UUID]) -> dict[UUID, Journey]:
    """Lock the rows of these recordings, made when missing, always in the same order."""
    wanted = sorted(recordings)
    await tx.execute(ENSURE, wanted)
    return {
        row["recording_id"]: Journey(
            msgspec.json.decode(row["visit"], type=Visit),
            msgspec.json.decode(row["progress"], type=Progress),
            row["office"],
        )
        for row in await tx.fetch(LOCK, wanted)
    }


async def save_journeys(tx: Transaction, journeys: Mapping[UUID, Journey]) -> None:
    """Write the folded journeys in one statement."""
    rows = [
        (key, j.office, msgspec.json.encode(j.visit).decode(), msgspec.json.encode(j.progress).decode())
        for key, j in journeys.items()
    ]
    await tx.execute(SAVE, *_columns(rows))


async def create_messages(tx: Transaction, messages: Sequence[NewMessage]) -> None:
    """Write ledger rows, once per notice; without a known contact they are suppressed until one comes."""
    if messages:
        rows = [tuple(getattr(m, name) for name in NewMessage.__slots__) for m in messages]
        await tx.execute(CREATE, *_columns(rows))


async def save_contacts(tx: Transaction, contacts: Sequence[Contact]) -> None:
    """Keep the newest contact of each recording, wake what waited for one, hold back what is no longer wanted."""
    rows = [(c.recording_id, c.office, c.sealed, c.label_version, c.changed_at) for c in contacts]
    await tx.execute(SAVE_CONTACTS, *_columns(rows))
    await tx.execute(REVIVE, [c.recording_id for c in contacts if c.sealed is not None])
    await tx.execute(WITHDRAW, [c.recording_id for c in contacts if c.sealed is None])


async def claim(tx: Transaction, channel: str, *, limit: int, token: UUID, lease: timedelta) -> list[Claim]:
    """Lease messages that are due on an enabled channel, and those whose worker died."""
    rows = await tx.fetch(CLAIM, channel, limit, token, lease)
    return [msgspec.convert(dict(row), type=Claim) for row in rows]


async def settle(tx: Transaction, token: UUID, verdicts: Mapping[UUID, Verdict]) -> set[UUID]:
    """Write what became of leased messages; gives those whose lease was still ours."""
    rows = [(key, verdict.state, verdict.reason, verdict.due_at) for key, verdict in verdicts.items()]
    return {row["id"] for row in await tx.fetch(SETTLE, token, *_columns(rows))}


async def number_events(tx: Transaction, events: Mapping[UUID, int]) -> dict[UUID, int]:
    """Draw sequence numbers for this many events of each (locked) recording; gives the last one used before."""
    rows = await tx.fetch(SAID, list(events), list(events.values()))
    return {row["recording_id"]: row["said_before"] for row in rows}


async def list_messages(
    tx: Transaction,
    offices: list[str],
    recording_id: UUID | None,
    *,
    state: MessageState | None,
    after: UUID | None,
    limit: int,
) -> list[dict[str, Any]]:
    """List messages of these offices, newest first."""
    return [dict(row) for row in await tx.fetch(LIST, offices, recording_id, state, after, limit)]


async def lock_message(tx: Transaction, identifier: UUID, offices: list[str]) -> dict[str, Any] | None:
    """Lock one message of these offices."""
    row = await tx.fetchrow(LOCK_ONE, identifier, offices)
    return dict(row) if row else None


async def make_due(tx: Transaction, identifier: UUID) -> None:
    """Let a (locked) message be sent again now."""
    await tx.execute(RESEND, identifier)


async def channels(tx: Transaction) -> list[dict[str, Any]]:
    """List the channels."""
    return [dict(row) for row in await tx.fetch(CHANNELS)]


async def switch_channel(
    tx: Transaction, name: str, *, is_enabled: bool, reason_code: str, changed_by: str
) -> dict[str, Any] | None:
    """Turn a channel on or off; absent when there is no such channel."""
    row = await tx.fetchrow(SWITCH, name, is_enabled, reason_code, changed_by)
    return dict(row) if row else None


def may_be_resent(state: str) -> bool:
    """Tell whether a message in this state can be sent without telling the person twice."""
    return state in RESENDABLE


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
