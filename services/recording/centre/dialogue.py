"""One HTTP/1.1 connection's dialogue, by h11: a request written, its answer gathered."""

from dataclasses import dataclass

import h11

from services.recording.centre.failures import EOF, PROTOCOL, TOO_LARGE, ConnectionEnded, NotHttp

LARGEST_ANSWER = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Dialogue:
    """Takes one request at a time."""

    __slots__ = ("_body", "_http", "_response", "_size")

    def __init__(self) -> None:
        self._http = h11.Connection(h11.CLIENT)
        self._response: h11.Response | None = None
        self._body: list[bytes] = []
        self._size = 0

    @property
    def can_go_on(self) -> bool:
        """Say whether this connection is between two requests and may carry another."""
        return self._http.our_state is h11.IDLE and self._http.their_state is h11.IDLE

    def ask(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> bytes:
        """Give the bytes of a request."""
        http = self._http
        head = http.send(h11.Request(method=method, target=path, headers=headers)) or b""
        sent = http.send(h11.Data(data=body)) or b"" if body else b""
        return b"".join((head, sent, http.send(h11.EndOfMessage()) or b""))

    def hear(self, plain: bytes) -> Answer | None:
        """Take bytes of the answer, b"" for its orderly end; gives the answer once it is whole, else raises."""
        try:
            self._http.receive_data(plain)
            return self._gather()
        except h11.RemoteProtocolError as error:
            if plain:
                raise NotHttp(PROTOCOL) from error
            raise ConnectionEnded(EOF) from error

    def _gather(self) -> Answer | None:
        while True:
            event = self._http.next_event()
            match event:
                case h11.Response():
                    self._response = event
                case h11.Data():
                    self._add(event.data)
                case h11.EndOfMessage():
                    return self._finish()
                case h11.InformationalResponse():
                    continue
                case h11.ConnectionClosed():
                    raise ConnectionEnded(EOF)
                case _:
                    return None

    def _add(self, part: bytes | bytearray) -> None:
        self._size += len(part)
        if self._size > LARGEST_ANSWER:
            raise NotHttp(TOO_LARGE)
        self._body.append(bytes(part))

    def _finish(self) -> Answer:
        if self._response is None:
            raise NotHttp(PROTOCOL)
        headers = {name.decode("ascii"): value.decode("latin-1") for name, value in self._response.headers}
        answer = Answer(self._response.status_code, headers, b"".join(self._body))
        self._forget()
        # Bytes beyond the answer were not asked for: such a connection is not used again.
        if self._http.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE} and not self._http.trailing_data[0]:
            self._http.start_next_cycle()
        return answer

    def _forget(self) -> None:
        self._response, self._body, self._size = None, [], 0
