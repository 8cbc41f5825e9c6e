"""Whose turn it is to speak on a TLS connection: the line sees records only, never what they say."""

from dataclasses import dataclass, field

_HEADER = 5
_CHANGE_CIPHER, _HANDSHAKE, _APPLICATION = 20, 22, 23
# TLS 1.3: change-cipher 6 bytes, Finished at most 74; no request is so short.
_LONGEST_FINISHED = 96


@dataclass(slots=True)
class Handshake:
    """Knows when the far side has begun its last flight, after which the near side may send its first request.

    TLS 1.3 hides the flight in application records; TLS 1.2 ends it with a handshake record after its change of cipher.
    A far side that asks TLS 1.3 to begin anew (HelloRetryRequest) is taken for the latter, and cut in mid-handshake.
    """

    is_over: bool = False
    _rest: int = 0
    _header: bytearray = field(default_factory=bytearray)
    _has_changed_cipher: bool = False

    def hear_far(self, data: bytes) -> bool:
        """Take what the far side sends before the near side hears it; say whether it begins the last flight."""
        at = min(self._rest, len(data))
        self._rest -= at
        while at < len(data) and not self.is_over:
            part = data[at : at + _HEADER - len(self._header)]
            self._header += part
            at += len(part)
            if len(self._header) == _HEADER:
                self._see(self._header[0])
                size = int.from_bytes(self._header[3:5], "big")
                self._header.clear()
                skipped = min(size, len(data) - at)
                at, self._rest = at + skipped, size - skipped
        return self.is_over

    def _see(self, kind: int) -> None:
        if kind == _APPLICATION or (kind == _HANDSHAKE and self._has_changed_cipher):
            self.is_over = True
        self._has_changed_cipher = self._has_changed_cipher or kind == _CHANGE_CIPHER


@dataclass(slots=True)
class Turns:
    """A request begins with the first bytes after the handshake or an answer, an answer with the first bytes back.

    It takes a far side that speaks only when asked: the simulated centre issues no session tickets.
    """

    asked_bytes: int = 0
    _handshake: Handshake = field(default_factory=Handshake)

    @property
    def is_idle(self) -> bool:
        """Say whether the next bytes of the near side would be a request's first."""
        return self._handshake.is_over and not self.asked_bytes

    def hear_near(self, data: bytes) -> bool:
        """Take what the near side sends; say whether a request begins with it."""
        if not self._handshake.is_over or _is_finished_alone(data):
            return False
        begins = not self.asked_bytes
        self.asked_bytes += len(data)
        return begins

    def hear_far(self, data: bytes) -> bool:
        """Take what the far side sends; say whether the near side may begin a request once it has heard this."""
        if not self._handshake.is_over:
            return self._handshake.hear_far(data)
        begins = bool(self.asked_bytes)
        self.asked_bytes = 0
        return begins


def _is_finished_alone(data: bytes) -> bool:
    return data[0] == _CHANGE_CIPHER and len(data) <= _LONGEST_FINISHED
