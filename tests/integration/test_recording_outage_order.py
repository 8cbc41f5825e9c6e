"""What one turn makes of several outages is told in order, and at no moment are two of one fault open."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import orjson
import pytest

from services.recording.domain.line_witnesses import LinkVerdict
from services.recording.domain.link import Verdict
from services.recording.domain.outage import Outage, OutageRules
from services.recording.store import outages
from services.recording.usecases.follow_outages import follow_outages
from services.recording.usecases.watch_line import Watched
from shared.events.vocabulary import Cause, Confidence, Operation, Owner, Source
from shared.ids import uuid7
from shared.postgres.outbox import Outbox
from tests.support.recordings import Installation

ASK, SUBMIT = Operation.ASK, Operation.SUBMISSION
TWO = (Source.CALLS, Source.PROBE)
TOLD = "SELECT convert_from(headers, 'utf8')::jsonb AS said FROM outbox ORDER BY id"


@pytest.fixture
async def turn(installation: Installation) -> AsyncIterator[Any]:
    """A transaction that is rolled back: the service would close what nothing fails of."""
    database = await asyncpg.connect(installation.stack.endpoints.postgres["recording"])
    await database.set_type_codec("jsonb", encoder=_json, decoder=orjson.loads, schema="pg_catalog")
    begun = database.transaction()
    await begun.start()
    yield database
    await begun.rollback()
    await database.close()


async def test_an_outage_corrected_into_the_fault_of_an_older_one_is_corrected_and_then_ends_in_it(turn: Any) -> None:
    moment = await turn.fetchval("SELECT clock_timestamp()")
    older, younger = _outage(Cause.NETWORK, moment, SUBMIT), _outage(Cause.SERVER, moment, ASK)
    await _open(turn, older, younger)

    await _follow(turn, {SUBMIT: _dead_line(moment), ASK: _dead_line(moment)})

    rows = {row["id"]: row for row in await turn.fetch("SELECT * FROM outage")}
    assert (rows[younger.id]["state"], rows[younger.id]["merged_into"]) == ("merged", older.id)
    assert set(rows[older.id]["operations"]) == {ASK, SUBMIT}
    told = [one["said"] for one in await turn.fetch(TOLD) if one["said"]["ce_subject"] == str(younger.id)]
    assert [one["ce_type"] for one in told] == ["outage.corrected.v1", "outage.closed.v1"]
    assert [int(one["ce_sequence"]) for one in told] == [2, 3]
    assert rows[younger.id]["sequence"] == 3


async def test_an_older_one_that_is_corrected_keeps_what_the_younger_brought(turn: Any) -> None:
    moment = await turn.fetchval("SELECT clock_timestamp()")
    older = _outage(Cause.SERVER, moment - timedelta(seconds=60), SUBMIT)
    younger = _outage(Cause.NETWORK, moment, ASK)
    await _open(turn, older, younger)

    await _follow(turn, {SUBMIT: _dead_line(moment)}, {older.id: (3, 70)})

    row = await turn.fetchrow("SELECT * FROM outage WHERE id = $1", older.id)
    assert (row["state"], row["cause"]) == ("open", "network")
    assert set(row["operations"]) == {ASK, SUBMIT}


async def _open(turn: Any, *opened: Outage) -> None:
    for one in opened:
        await outages.insert(turn, one, 1, {})


async def _follow(turn: Any, seen: dict[Operation, Verdict], counts: dict[Any, tuple[int, int]] | None = None) -> None:
    await follow_outages(turn, Watched(seen, []), counts or {}, rules=OutageRules(), outbox=Outbox(6))


def _outage(cause: Cause, moment: datetime, operation: Operation) -> Outage:
    since = moment - timedelta(seconds=20 if cause is Cause.NETWORK else 10)
    return Outage(
        id=uuid7(),
        cause=cause,
        owner=Owner.CARRIER if cause is Cause.NETWORK else Owner.CENTRE,
        confidence=Confidence.HIGH,
        operations=(operation,),
        since=since,
        sources=TWO,
        because="evidence",
        last_failed_at=since,
        unclean_at=moment,
        told_at=since,
    )


def _dead_line(moment: datetime) -> Verdict:
    until = moment + timedelta(seconds=15)
    return Verdict(LinkVerdict.NETWORK, Owner.CARRIER, Confidence.HIGH, TWO, "evidence", moment, moment, until, 3)


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
