"""What a request to the centre means, read once at the edge."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from tools.centre.wire import Request

NIL = str(UUID(int=0))


class Operation(StrEnum):
    IDENTITY_CHECK = "identity_check"
    SUBMISSION = "submission"
    ASK = "ask"
    CARD_PRINT = "card_print"
    SUKET = "suket"
    PROBE = "probe"


@dataclass(frozen=True, slots=True)
class Call:
    operation: Operation
    method: str
    recording_id: str
    key: str | None
    attempt: str | None
    office: str
    identity_version: str
    content_digest: str
    body: bytes

    @property
    def packet_version(self) -> int | None:
        """The version a submission's key ends in (recording:stage:packet_version)."""
        last = (self.key or "").rpartition(":")[2]
        return int(last) if last.isascii() and last.isdigit() and len(last) < 10 else None  # noqa: PLR2004  fits an int4


_ROUTES = {
    ("POST", "identity-checks"): Operation.IDENTITY_CHECK,
    ("PUT", "recordings"): Operation.SUBMISSION,
    ("GET", "recordings"): Operation.ASK,
    ("POST", "card-prints"): Operation.CARD_PRINT,
    ("POST", "sukets"): Operation.SUKET,
}


def read_call(request: Request) -> Call | None:
    """Read a request, or None when the centre has no such door."""
    parts = request.path.strip("/").split("/")
    operation = _ROUTES.get((request.method, parts[0]))
    if operation is None:
        return None
    is_check = operation is Operation.IDENTITY_CHECK
    if len(parts) != (1 if is_check else 2):
        return None
    recording_id = _as_uuid(request.headers.get("rekam-recording", "") if is_check else parts[1])
    if operation is Operation.ASK and recording_id == NIL:
        operation = Operation.PROBE
    return _call(operation, recording_id, request)


def _call(operation: Operation, recording_id: str, request: Request) -> Call:
    headers = request.headers
    return Call(
        operation=operation,
        method=request.method,
        recording_id=recording_id,
        key=headers.get("idempotency-key"),
        attempt=headers.get("rekam-attempt"),
        office=headers.get("rekam-office", ""),
        identity_version=headers.get("rekam-identity-version", ""),
        content_digest=headers.get("content-digest", ""),
        body=request.body,
    )


def _as_uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        return ""
