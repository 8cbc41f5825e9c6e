"""Judge the line and the centre behind each operation by what calls and probes said lately."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from services.recording.domain.line_witnesses import LinkRules, Round
from services.recording.domain.link import Verdict, judge
from services.recording.store import links, probes
from shared.clock import rfc3339
from shared.events.vocabulary import Operation
from shared.postgres.pool import Transaction

_EXPIRES_SOON = timedelta(seconds=7)


@dataclass(frozen=True, slots=True)
class Watched:
    """The verdicts, the rounds they rest on (newest first), and whether they were made here or read."""

    verdicts: dict[Operation, Verdict]
    rounds: list[Round]


async def watch_line(tx: Transaction, rules: LinkRules) -> Watched | None:
    """Judge, and write the verdicts that changed or expire soon; absent when another process does it just now."""
    now = await links.try_lock(tx)
    if now is None:
        return None
    rounds = await probes.latest(tx, now - rules.window)
    verdicts = {}
    for operation, heard in (await links.hear(tx, now, rules.window)).items():
        verdict = judge(heard.calls, rounds, heard.before, now=now, rules=rules)
        before = heard.before
        if before is None or not verdict.says_the_same_as(before) or before.expires_at - now < _EXPIRES_SOON:
            await links.save(tx, operation, verdict, evidence_of(verdict, rounds))
        verdicts[operation] = verdict
    return Watched(verdicts, rounds)


def evidence_of(verdict: Verdict, rounds: list[Round]) -> dict[str, Any]:
    """Write what a verdict rests on: the sentence, sample attempts, the latest round."""
    return {
        "because": verdict.because,
        "failed_calls": verdict.failed_calls,
        "last_failed_at": rfc3339(verdict.last_failed_at) if verdict.last_failed_at else None,
        "last_answered_at": rfc3339(verdict.last_answered_at) if verdict.last_answered_at else None,
        "samples": [str(one) for one in verdict.samples],
        "round": round_shown(rounds[0]) if rounds else None,
    }


def round_shown(one: Round) -> dict[str, Any]:
    """Show a round of the probe."""
    return {
        "id": str(one.id),
        "began_at": rfc3339(one.began_at),
        "at": rfc3339(one.at),
        "centre_answered": one.centre_answered,
        "cause": one.cause,
        "because": one.because,
        "neutral_reached": one.neutral_reached,
        "second_way_answered": one.second_way_answered,
    }
