"""Our own way to the centre, for real calls and probes alike: pooled TLS, timed phases, one deadline for all of it."""

import ssl
from collections.abc import Mapping

from services.recording.centre.connection import Connection
from services.recording.centre.dialling import Dialler
from services.recording.centre.dialogue import Answer
from services.recording.centre.evidence import Answered, Call, Failed, Trail
from services.recording.centre.failures import Interrupted
from services.recording.centre.lag import LoopLag
from services.recording.centre.pool import Pool

_LONGEST_NUMBER = 10


class Transport:
    """Carries calls to one host and never repeats one: whether to send twice is the domain's decision."""

    def __init__(
        self, host: str, port: int, context: ssl.SSLContext, *, connections: int = 16, idle_seconds: float = 30.0
    ) -> None:
        self._host_header = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._pool = Pool(Dialler(host, port, context), size=connections, idle_seconds=idle_seconds)
        self._lag = LoopLag()

    async def call(self, call: Call) -> Answered | Failed:
        """Make one call within its deadline and say what came of it; only cancellation raises."""
        trail = Trail()
        self._lag.watch()
        try:
            answer = await self._carry(call, trail)
        except Interrupted as why:
            return Failed(*trail.evidence(why.error, self._lag.worst_since(trail.started)))
        finally:
            self._lag.unwatch()
        evidence, duration_ms = trail.evidence(
            None,
            self._lag.worst_since(trail.started),
            status=answer.status,
            retry_after_seconds=_retry_after(answer.headers),
        )
        return Answered(answer.status, answer.headers, answer.body, evidence, duration_ms)

    async def close(self) -> None:
        """Drop all connections."""
        await self._pool.close()

    async def _carry(self, call: Call, trail: Trail) -> Answer:
        deadline = trail.started + call.deadline_seconds
        connection: Connection = await self._pool.take(trail, deadline)
        try:
            trail.address = connection.address
            return await connection.exchange(call, self._headers(call), trail, deadline)
        finally:
            self._pool.give_back(connection)

    def _headers(self, call: Call) -> list[tuple[str, str]]:
        headers = [("Host", self._host_header), ("Accept", "application/json"), *call.headers]
        if call.attempt_id is not None:
            headers.append(("Rekam-Attempt", str(call.attempt_id)))
        if call.body or call.method in ("POST", "PUT"):
            headers.append(("Content-Length", str(len(call.body))))
        return headers


def _retry_after(headers: Mapping[str, str]) -> float | None:
    seconds = headers.get("retry-after", "")
    return float(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < _LONGEST_NUMBER else None
