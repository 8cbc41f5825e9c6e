from services.recording.domain.answers import Failed, Trail
from services.recording.events_out import Attempted
from services.recording.store import stages
from services.recording.usecases.accept_outcomes import Outcome, Rules, accept_outcomes
from shared.events.vocabulary import Cause, Confidence, Effect, Owner
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Transaction

_AT_MOST = 200
_UNHEARD = Failed(Cause.UNKNOWN, Effect.POSSIBLE, Owner.UNDETERMINED, "lease_expired")
_EVIDENCE = {
    "error": "lease_expired",
    "verdict": {
        "cause": _UNHEARD.cause,
        "effect": _UNHEARD.effect,
        "owner": _UNHEARD.owner,
        "confidence": Confidence.LOW,
        "because": "the worker that made this call died; nobody heard the answer",
    },
}


async def expire_leases(tx: Transaction, *, rules: Rules, outbox: Outbox) -> list[Attempted]:
    """Give attempts whose worker died their ledger row: nobody knows the cause, and the centre may have acted."""
    dead = await stages.expired(tx, _AT_MOST)
    if not dead:
        return []
    outcomes = [Outcome(*key, None, _UNHEARD, Trail(evidence=_EVIDENCE)) for key in dead]
    return await accept_outcomes(tx, outcomes, rules=rules, outbox=outbox)
