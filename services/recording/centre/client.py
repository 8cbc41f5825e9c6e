"""The one place that knows how the centre is spoken to (docs: API.md section 7); each method is one of its calls."""

import base64
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

from services.recording.centre.evidence import Call
from services.recording.centre.reading import Bench, Reading, read_answer, read_probe
from services.recording.centre.tls import trusting
from services.recording.centre.transport import Transport
from services.recording.domain.surroundings import NOBODY_KNOWS, Surroundings
from shared.events.vocabulary import Operation, Owner

_NOBODY = UUID(int=0)
_DIGEST_PREFIX = "sha-256:"
_SEALED = ("Content-Type", "application/octet-stream")


class CentreClient:
    """Speaks to the centre; every answer and every failure is a `Reading`, and nothing is ever sent twice by itself."""

    def __init__(
        self,
        base_url: str,
        ca_file: Path | str,
        *,
        connections: int = 16,
        idle_seconds: float = 30.0,
        surroundings: Callable[[], Surroundings] = lambda: NOBODY_KNOWS,
        access_owner: Owner = Owner.CARRIER,
    ) -> None:
        url = urlsplit(base_url)
        if url.scheme != "https" or url.hostname is None:
            raise ValueError("the centre's address must be https://host[:port]")
        self._transport = Transport(
            url.hostname, url.port or 443, trusting(ca_file), connections=connections, idle_seconds=idle_seconds
        )
        self._surroundings, self._access_owner = surroundings, access_owner

    async def check_identity(
        self,
        recording_id: UUID,
        *,
        office: str,
        identity_version: int,
        sealed: bytes,
        key: str,
        attempt_id: UUID,
        deadline_seconds: float,
    ) -> Reading:
        """Ask whether the sealed identity is known: IdentityMatch or IdentityMismatch."""
        headers = (
            _SEALED,
            ("Idempotency-Key", key),
            ("Rekam-Recording", str(recording_id)),
            ("Rekam-Office", office),
            ("Rekam-Identity-Version", str(identity_version)),
        )
        call = Call("POST", "/identity-checks", headers, sealed, deadline_seconds, attempt_id)
        return await self._answer(Operation.IDENTITY_CHECK, call)

    async def submit(
        self,
        recording_id: UUID,
        *,
        packet: bytes,
        digest: str,
        key: str,
        attempt_id: UUID,
        deadline_seconds: float,
    ) -> Reading:
        """Hand a packet over: Received. `digest` is the one taken at capture, `sha-256:<hex>`."""
        headers = (_SEALED, ("Idempotency-Key", key), ("Content-Digest", _content_digest(digest)))
        call = Call("PUT", f"/recordings/{recording_id}", headers, packet, deadline_seconds, attempt_id)
        return await self._answer(Operation.SUBMISSION, call)

    async def ask(self, recording_id: UUID, *, attempt_id: UUID, deadline_seconds: float) -> Reading:
        """Ask where a recording stands: AtCentre or NotAtCentre."""
        call = Call("GET", f"/recordings/{recording_id}", (), b"", deadline_seconds, attempt_id)
        return await self._answer(Operation.ASK, call)

    async def print_card(self, recording_id: UUID, *, key: str, attempt_id: UUID, deadline_seconds: float) -> Reading:
        """Have the card's print released: Printed."""
        call = _order("card-prints", recording_id, key, attempt_id, deadline_seconds)
        return await self._answer(Operation.CARD_PRINT, call)

    async def issue_suket(self, recording_id: UUID, *, key: str, attempt_id: UUID, deadline_seconds: float) -> Reading:
        """Have a Suket numbered: SuketIssued."""
        call = _order("sukets", recording_id, key, attempt_id, deadline_seconds)
        return await self._answer(Operation.SUKET, call)

    async def probe(self, *, deadline_seconds: float) -> Reading:
        """Ask for a recording that cannot exist: Alive; it is no attempt and carries no attempt's id."""
        call = Call("GET", f"/recordings/{_NOBODY}", (), b"", deadline_seconds, None)
        return read_probe(await self._transport.call(call), self._bench())

    async def close(self) -> None:
        """Drop all connections; calls still under way end as failures of our own."""
        await self._transport.close()

    async def _answer(self, operation: Operation, call: Call) -> Reading:
        outcome = await self._transport.call(call)
        return read_answer(operation, outcome, self._bench())

    def _bench(self) -> Bench:
        return Bench(self._surroundings(), self._access_owner)


def _order(what: str, recording_id: UUID, key: str, attempt_id: UUID, deadline_seconds: float) -> Call:
    return Call("POST", f"/{what}/{recording_id}", (("Idempotency-Key", key),), b"", deadline_seconds, attempt_id)


def _content_digest(digest: str) -> str:
    raw = bytes.fromhex(digest.removeprefix(_DIGEST_PREFIX))
    return f"sha-256=:{base64.b64encode(raw).decode('ascii')}:"
