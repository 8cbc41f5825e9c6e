"""The one place that knows how the centre is spoken to (docs: API.md section 7); each method is one of its calls."""

import base64
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

from services.recording.centre.evidence import Answered, Call, Failed
from services.recording.centre.reading import Reading, read_answer, read_probe
from services.recording.centre.tls import trusting
from services.recording.centre.transport import Transport
from shared.events.vocabulary import Operation

_NOBODY = UUID(int=0)
_DIGEST_PREFIX = "sha-256:"
_SEALED = ("Content-Type", "application/octet-stream")


class CentreClient:
    """Speaks to the centre; every answer and every failure is a `Reading`, and nothing is ever sent twice by itself."""

    def __init__(
        self, base_url: str, ca_file: Path | str, *, connections: int = 16, idle_seconds: float = 30.0
    ) -> None:
        url = urlsplit(base_url)
        if url.scheme != "https" or url.hostname is None:
            raise ValueError("the centre's address must be https://host[:port]")
        self._transport = Transport(
            url.hostname, url.port or 443, trusting(ca_file), connections=connections, idle_seconds=idle_seconds
        )

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
        return read_answer(Operation.IDENTITY_CHECK, await self._transport.call(call))

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
        return read_answer(Operation.SUBMISSION, await self._transport.call(call))

    async def ask(self, recording_id: UUID, *, attempt_id: UUID, deadline_seconds: float) -> Reading:
        """Ask where a recording stands: AtCentre or NotAtCentre."""
        call = Call("GET", f"/recordings/{recording_id}", (), b"", deadline_seconds, attempt_id)
        return read_answer(Operation.ASK, await self._transport.call(call))

    async def print_card(self, recording_id: UUID, *, key: str, attempt_id: UUID, deadline_seconds: float) -> Reading:
        """Have the card's print released: Printed."""
        outcome = await self._order("card-prints", recording_id, key, attempt_id, deadline_seconds)
        return read_answer(Operation.CARD_PRINT, outcome)

    async def issue_suket(self, recording_id: UUID, *, key: str, attempt_id: UUID, deadline_seconds: float) -> Reading:
        """Have a Suket numbered: SuketIssued."""
        outcome = await self._order("sukets", recording_id, key, attempt_id, deadline_seconds)
        return read_answer(Operation.SUKET, outcome)

    async def probe(self, *, deadline_seconds: float) -> Reading:
        """Ask for a recording that cannot exist: Alive; it is no attempt and carries no attempt's id."""
        call = Call("GET", f"/recordings/{_NOBODY}", (), b"", deadline_seconds, None)
        return read_probe(await self._transport.call(call))

    async def close(self) -> None:
        """Drop all connections; calls still under way end as failures of our own."""
        await self._transport.close()

    async def _order(
        self, what: str, recording_id: UUID, key: str, attempt_id: UUID, deadline_seconds: float
    ) -> Answered | Failed:
        headers = (("Idempotency-Key", key),)
        return await self._transport.call(
            Call("POST", f"/{what}/{recording_id}", headers, b"", deadline_seconds, attempt_id)
        )


def _content_digest(digest: str) -> str:
    raw = bytes.fromhex(digest.removeprefix(_DIGEST_PREFIX))
    return f"sha-256=:{base64.b64encode(raw).decode('ascii')}:"
