"""One round: the centre by our line, the neutral targets, and the centre by another way, all at the same time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.recording.centre.client import CentreClient
from services.recording.centre.neutral import reach
from services.recording.centre.reading import Failure, Reading
from services.recording.store.probes import Seen
from shared.events.vocabulary import Cause


@dataclass(frozen=True, slots=True)
class Places:
    """Whom the probe asks, and how long it waits for them."""

    centre: CentreClient
    second_way: CentreClient | None
    neutral: Sequence[tuple[str, int]]
    deadline_seconds: float
    neutral_deadline_seconds: float


async def ask_around(places: Places, began_at: datetime) -> Seen:
    """Ask all at once and say what was seen; never raises for what the far side does."""
    reading, neutral, other = await asyncio.gather(
        places.centre.probe(deadline_seconds=places.deadline_seconds),
        asyncio.gather(*(_reach(host, port, places.neutral_deadline_seconds) for host, port in places.neutral)),
        _other_way(places),
    )
    failure = reading if isinstance(reading, Failure) else None
    return Seen(
        began_at=began_at,
        centre_answered=failure is None,
        cause=failure.cause if failure else None,
        phase=failure.evidence.phase_failed if failure else None,
        error=failure.code if failure else None,
        because=failure.because if failure else "",
        evidence=reading.evidence.as_json() | {"duration_ms": round(reading.duration_ms, 1)},
        neutral_reached=any(one["reached"] for one in neutral) if neutral else None,
        neutral=list(neutral),
        second_way_answered=_answered(other) if other else None,
        second_way=_shown(other) if other else None,
    )


async def _other_way(places: Places) -> Reading | None:
    if places.second_way is None:
        return None
    return await places.second_way.probe(deadline_seconds=places.deadline_seconds)


async def _reach(host: str, port: int, seconds: float) -> dict[str, Any]:
    evidence = await reach(host, port, seconds=seconds)
    connect_ms = evidence.phases_ms.get("connect")
    return {
        "target": f"{host}:{port}",
        "reached": evidence.error is None,
        "error": evidence.error,
        "connect_ms": round(connect_ms, 1) if connect_ms is not None else None,
    }


def _answered(reading: Reading) -> bool | None:
    """Another way that is dead itself, or a fault of our own, says nothing about the centre."""
    if not isinstance(reading, Failure):
        return True
    return False if reading.cause is Cause.SERVER else None


def _shown(reading: Reading) -> dict[str, Any]:
    shown: dict[str, Any] = {"answered": not isinstance(reading, Failure), "duration_ms": round(reading.duration_ms, 1)}
    if isinstance(reading, Failure):
        phase = reading.evidence.phase_failed
        shown |= {"cause": reading.cause, "phase": phase, "error": reading.code, "because": reading.because}
    return shown
