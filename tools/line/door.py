"""A listening socket that can stop answering SYNs and answer again, without privileges."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

_BACKLOG = 100


class Door:
    """Accepts by hand: while down, its accept queue stays full, so the kernel drops SYNs and connect() times out."""

    def __init__(self, host: str, port: int, welcome: Callable[[socket.socket], None]) -> None:
        self._welcome = welcome
        self._listening = socket.socket()
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listening.setblocking(False)
        self._listening.bind((host, port))
        self._listening.listen(_BACKLOG)
        self._plugs: list[socket.socket] = []
        self._watch()

    @property
    def port(self) -> int:
        """The port that was bound."""
        return int(self._listening.getsockname()[1])

    def go_down(self) -> None:
        """Stop answering SYNs."""
        asyncio.get_running_loop().remove_reader(self._listening)
        self._listening.listen(0)
        plug = socket.socket()
        plug.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            plug.connect(self._listening.getsockname())
        self._plugs.append(plug)

    def come_back(self) -> None:
        """Answer SYNs again; what had reached the queue before the cut is served now."""
        names = {plug.getsockname() for plug in self._plugs}
        for plug in self._plugs:
            plug.close()
        self._plugs.clear()
        self._listening.listen(_BACKLOG)
        self._accept_all(names)
        self._watch()

    def close(self) -> None:
        """Stop listening."""
        asyncio.get_running_loop().remove_reader(self._listening)
        for plug in self._plugs:
            plug.close()
        self._listening.close()

    def _watch(self) -> None:
        asyncio.get_running_loop().add_reader(self._listening, self._accept_all, frozenset())

    def _accept_all(self, plugs: frozenset[tuple[str, int]] | set[tuple[str, int]]) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
            while True:
                accepted, peer = self._listening.accept()
                if peer in plugs:
                    accepted.close()
                    continue
                accepted.setblocking(False)
                self._welcome(accepted)
