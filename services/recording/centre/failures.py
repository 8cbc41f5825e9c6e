"""What ends a call to the centre without an answer; none of these leaves the transport, which turns them into Evidence.

Interrupted                  the call ended without an answer
├── NeverLeft                our own pool or socket could not carry it: nothing left this machine
├── NeverReached             resolve, connect or tls failed: no byte of the request left
└── Unanswered               bytes of the request may have left: the centre may have recorded it
    ├── ConnectionEnded      EOF or RST before the answer was whole
    └── NotHttp              what came back is no HTTP answer, or a far too large one
OutOfTime                    (an Interrupted too) the deadline passed, in whatever phase the call stood
"""

import errno
import socket
import ssl

DEADLINE = "deadline"
EOF = "eof"
PROTOCOL = "protocol"
TOO_LARGE = "too_large"
NO_SLOT = "no_slot"
CLOSED = "closed"

_CERTIFICATE_FAULTS = {
    9: "certificate_not_yet_valid",
    10: "certificate_expired",
    62: "certificate_wrong_host",
    64: "certificate_wrong_host",
}
_EAI = {getattr(socket, name): name for name in dir(socket) if name.startswith("EAI_")}


class Interrupted(Exception):
    """The call ended without an answer."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class NeverLeft(Interrupted):
    """Our own pool or socket could not carry the call."""


class NeverReached(Interrupted):
    """No byte of the request left."""


class Unanswered(Interrupted):
    """Bytes of the request may have left."""


class ConnectionEnded(Unanswered):
    """The connection ended before the answer was whole."""


class NotHttp(Unanswered):
    """What came back is no HTTP answer, or a far too large one."""


class OutOfTime(Interrupted):
    """The deadline passed."""

    def __init__(self) -> None:
        super().__init__(DEADLINE)


def error_name(error: BaseException | None) -> str:
    """Name an error by errno, EAI code or TLS alert; an end without any error is an EOF."""
    if isinstance(error, ssl.SSLError):
        return _tls_name(error)
    if isinstance(error, socket.gaierror):
        return _EAI.get(error.errno or 0, "EAI_OTHER")
    if isinstance(error, OSError) and error.errno is not None:
        return errno.errorcode.get(error.errno, f"errno_{error.errno}")
    if isinstance(error, TimeoutError):
        return DEADLINE
    return EOF if error is None or isinstance(error, ConnectionError) else type(error).__name__


def verify_code(error: ssl.SSLError) -> int | None:
    """Give OpenSSL's number for what is wrong with a certificate, when that is what failed."""
    return error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else None


def _tls_name(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return EOF
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATE_FAULTS.get(error.verify_code, "certificate_untrusted")
    return (error.reason or "tls_error").lower()
