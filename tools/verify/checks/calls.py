"""I2, I3 and I4: what the centre saw against what the ledger says of it."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from tools.verify.result import Result, judge
from tools.verify.seen import Attempt, Call, Ledger, Registered

_PROBE, _ASK, _SUBMISSION = "probe", "ask", "submission"
_ONCE = ("card_print", "suket")  # their effect is a thing of paper: one per recording, whatever the key
_TRACE_ID_LENGTH = 32
# Failures that only an answer of the centre can have caused.
_ANSWERED = ("/http_", "/search_failure", "/not_at_centre")


def registered_once(journal: Sequence[Call], records: Sequence[Registered], ledger: Ledger) -> Result:
    """I2: each packet version takes effect at most once; exactly once where the ledger says it is there."""
    return judge(
        "I2",
        "each packet version is registered at most once at the centre, and once where we say it is there",
        f"{len(records):,} recordings there",
        _registered_wrongly(journal, records, ledger),
    )


def asked_before_second_send(journal: Sequence[Call], ledger: Ledger) -> Result:
    """I3: after an effect `possible`, an answered question or the same key comes before any second send."""
    doubts = sum(row.effect == "possible" for row in ledger.attempts)
    return judge(
        "I3",
        "after a call that may have worked, we ask or repeat its key before we send again",
        f"{doubts:,} such calls",
        _sent_in_doubt(journal, ledger.attempts),
    )


def ledger_matches_journal(journal: Sequence[Call], ledger: Ledger) -> Result:
    """I4: every call the centre saw has its ledger row, every answered row its call, and every row is whole."""
    real = [call for call in journal if call.operation != _PROBE]
    return judge(
        "I4",
        "every call the centre saw is in the ledger, every answer in the ledger was given, every row is whole",
        f"{len(real):,} calls, {len(ledger.attempts):,} rows, {len(journal) - len(real):,} probes",
        [*_unknown_calls(real, ledger), *_unseen_rows(real, ledger.attempts), *_unwhole_rows(ledger.attempts)],
    )


def _registered_wrongly(journal: Sequence[Call], records: Sequence[Registered], ledger: Ledger) -> Iterator[str]:
    effects = Counter(
        (call.operation, call.recording_id, call.packet_version if call.operation == _SUBMISSION else None)
        for call in journal
        if call.has_effect and call.operation in (_SUBMISSION, *_ONCE)
    )
    for (operation, recording_id, version), times in effects.items():
        if times > 1:
            yield f"recording {recording_id}: {operation} {version or ''} took effect {times} times".replace("  ", " ")
    there = {record.recording_id: record for record in records}
    for record in records:
        for version, times in record.registrations.items():
            if times > 1 and effects[(_SUBMISSION, record.recording_id, version)] <= 1:
                yield f"recording {record.recording_id}: version {version} registered {times} times"
    for stage in ledger.stages:
        if stage.stage == _SUBMISSION and stage.state == "done" and stage.recording_id not in there:
            yield f"recording {stage.recording_id}: we say it is there, the centre does not have it"


def _sent_in_doubt(journal: Sequence[Call], attempts: Sequence[Attempt]) -> Iterator[str]:
    calls = {call.attempt: call for call in journal if call.attempt}
    stages: dict[tuple[str, str], list[Attempt]] = defaultdict(list)
    for row in attempts:
        stages[row.recording_id, row.stage].append(row)
        call = calls.get(row.id)
        if row.effect == "none" and call is not None and call.has_effect:
            yield f"attempt {row.id}: the ledger says no effect, the centre acted"
    for rows in stages.values():
        yield from _doubts_of(sorted(rows, key=lambda row: row.number), calls)


def _doubts_of(rows: Sequence[Attempt], calls: Mapping[str, Call]) -> Iterator[str]:
    doubt: Call | None = None
    for row in rows:
        call = calls.get(row.id)
        if row.operation == _ASK:
            if row.outcome in ("done", "refused"):
                doubt = None
            continue
        if call is None:
            continue
        if doubt is not None and call.key != doubt.key and not _is_newer_packet(call, doubt):
            yield f"attempt {row.id}: sent under another key without asking about attempt {doubt.attempt}"
        doubt = call if row.effect == "possible" else None


def _is_newer_packet(call: Call, doubt: Call) -> bool:
    """A newer packet replaces the older at the centre: it is no second send of it."""
    return call.operation == _SUBMISSION and (call.packet_version or 0) > (doubt.packet_version or 0)


def _unknown_calls(calls: Sequence[Call], ledger: Ledger) -> Iterator[str]:
    rows = {row.id: row for row in ledger.attempts}
    leased = {stage.attempt_id for stage in ledger.stages if stage.state == "in_flight"}
    seen = Counter(call.attempt for call in calls)
    for call in calls:
        if call.attempt is None:
            yield f"call {call.seq} of the journal names no attempt"
            continue
        row = rows.get(call.attempt)
        if row is None and call.is_settled and call.attempt not in leased:
            yield f"call {call.seq} of the journal: attempt {call.attempt} has no ledger row"
        elif row is not None and (row.recording_id, row.operation) != (call.recording_id, call.operation):
            yield f"attempt {call.attempt}: ledger and journal disagree about recording or operation"
    for attempt, times in seen.items():
        if attempt is not None and times > 1:
            yield f"attempt {attempt}: the centre saw it {times} times"


def _unseen_rows(calls: Sequence[Call], attempts: Sequence[Attempt]) -> Iterator[str]:
    seen = {call.attempt for call in calls}
    for row in attempts:
        if _was_answered(row) and row.id not in seen:
            yield f"attempt {row.id}: the ledger has an answer, the centre never saw the call"


def _unwhole_rows(attempts: Sequence[Attempt]) -> Iterator[str]:
    numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in attempts:
        numbers[row.recording_id, row.stage].append(row.number)
        is_named = bool(row.trigger and row.outcome and row.effect and row.has_evidence)
        if not is_named or len(row.trace_id) != _TRACE_ID_LENGTH or (row.outcome != "done" and not row.cause):
            yield f"attempt {row.id}: trigger, outcome, effect, evidence, trace id or cause is missing"
    for (recording_id, stage), found in numbers.items():
        if sorted(found) != list(range(1, len(found) + 1)):
            yield f"recording {recording_id}: attempts of {stage} are not numbered 1..{len(found)}"


def _was_answered(row: Attempt) -> bool:
    return row.outcome in ("done", "refused") or any(word in (row.signature or "") for word in _ANSWERED)
