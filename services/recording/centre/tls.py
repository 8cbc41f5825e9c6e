"""TLS in memory: bytes in, bytes out; the connection below keeps the socket, so phases and alerts stay visible."""

import ssl
from pathlib import Path

_READ_SIZE = 64 * 1024


def trusting(ca_file: Path | str) -> ssl.SSLContext:
    """Make a context that trusts this one authority and speaks HTTP/1.1 only."""
    context = ssl.create_default_context(cafile=str(ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


class TlsLayer:
    """One side of one TLS connection."""

    __slots__ = ("_from_peer", "_tls", "_to_peer", "is_ended", "is_secured")

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._from_peer, self._to_peer = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._from_peer, self._to_peer, server_hostname=host)
        self.is_secured = False
        self.is_ended = False

    def shake_hands(self, received: bytes = b"") -> bool:
        """Go one step on and say whether the handshake is done; raises ssl.SSLError."""
        self._from_peer.write(received)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.is_secured = True
        return True

    def outgoing(self) -> bytes:
        """Take the bytes that must go to the peer."""
        return self._to_peer.read()

    def encrypt(self, plain: bytes) -> bytes:
        """Give the records that carry these bytes."""
        view = memoryview(plain)
        while view:
            view = view[self._tls.write(view) :]
        return self._to_peer.read()

    def decrypt(self, received: bytes) -> bytes:
        """Give what the records held; the peer's closing alert sets `is_ended`; raises ssl.SSLError."""
        self._from_peer.write(received)
        parts = []
        while self._from_peer.pending or self._tls.pending():
            try:
                part = self._tls.read(_READ_SIZE)
            except ssl.SSLWantReadError:
                break
            if not part:
                self.is_ended = True
                break
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)
