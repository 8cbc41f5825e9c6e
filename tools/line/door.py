"""A listening socket that can stop answering SYNs, or refuse them, and answer again."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

from tools.line.namespace import inside

_BACKLOG = 100


class Door:
    """Accepts by hand: while down, its accept queue stays full, so the kernel drops SYNs and connect() times out."""

    def __init__(
        self, host: str, port: int, welcome: Callable[[socket.socket], None], namespace: str | None = None
    ) -> None:
        self._welcome = welcome
        self._namespace = namespace
        # Bound and never listening: it keeps the port ours while the door is shut.
        self._holder = self._socket()
        self._holder.bind((host, port))
        self._plugs: list[socket.socket] = []
        self._listening: socket.socket | None = None
        self._open()

    @property
    def port(self) -> int:
        """The port that was bound."""
        return int(self._holder.getsockname()[1])

    def go_down(self) -> None:
        """Stop answering SYNs."""
        listening = self._unwatched()
        listening.listen(0)
        plug = self._socket()
        with contextlib.suppress(BlockingIOError):
            plug.connect(listening.getsockname())
        self._plugs.append(plug)

    def shut(self) -> None:
        """Answer SYNs with RST, as a closed port or a firewall does."""
        self._unwatched().close()
        self._listening = None

    def come_back(self) -> None:
        """Take connections again; what had reached the queue before a cut is served now."""
        if self._listening is None:
            self._open()
            return
        names = {plug.getsockname() for plug in self._plugs}
        self._pull_plugs()
        self._listening.listen(_BACKLOG)
        self._accept_all(self._listening, names)
        self._watch(self._listening)

    def close(self) -> None:
        """Stop listening."""
        self._pull_plugs()
        if self._listening is not None:
            self._unwatched().close()
        self._holder.close()

    def _open(self) -> None:
        self._listening = self._socket()
        self._listening.bind(self._holder.getsockname())
        self._listening.listen(_BACKLOG)
        self._watch(self._listening)

    def _socket(self) -> socket.socket:
        with inside(self._namespace):
            made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setblocking(False)
        return made

    def _unwatched(self) -> socket.socket:
        if self._listening is None:
            raise RuntimeError("the door is shut")
        asyncio.get_running_loop().remove_reader(self._listening)
        return self._listening

    def _watch(self, listening: socket.socket) -> None:
        asyncio.get_running_loop().add_reader(listening, self._accept_all, listening, frozenset())

    def _pull_plugs(self) -> None:
        for plug in self._plugs:
            plug.close()
        self._plugs.clear()

    def _accept_all(self, listening: socket.socket, plugs: frozenset[tuple[str, int]] | set[tuple[str, int]]) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
            while True:
                accepted, peer = listening.accept()
                if peer in plugs:
                    accepted.close()
                    continue
                accepted.setblocking(False)
                self._welcome(accepted)
