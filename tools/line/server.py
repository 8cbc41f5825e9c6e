"""The line put together: the proxy, its neutral neighbour, its name server, its switches and its true history."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec

from tools.centre.wire import Answer, Exchange, Request, plain_http
from tools.line.faults import LineFault
from tools.line.line import Line
from tools.line.names import name_server
from tools.line.settings import LineSettings

__all__ = ["Line", "LineControl", "LineFault", "LineSettings", "RunningLine", "running_line"]


class LineControl:
    """The line's switches, over plain HTTP on loopback."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def serve(self, request: Request, exchange: Exchange) -> None:
        """Answer one request."""
        try:
            exchange.send(self._answer(request))
        except (msgspec.DecodeError, ValueError) as error:
            exchange.send(Answer(422, {"detail": str(error)}))

    def _answer(self, request: Request) -> Answer:
        match (request.method, request.path):
            case ("GET", "/livez"):
                return Answer(200, {"status": "ok"})
            case ("GET", "/history"):
                return Answer(200, {"items": self._line.history})
            case ("PUT", "/faults"):
                self._line.die(msgspec.json.decode(request.body, type=LineFault))
            case ("DELETE", "/faults"):
                self._line.come_back()
            case ("GET", "/faults"):
                pass
            case _:
                return Answer(404, {"detail": "no such switch"})
        return Answer(200, self._line.shown())


@dataclass(frozen=True, slots=True)
class RunningLine:
    line: Line
    control_port: int
    names_port: int

    @property
    def control_url(self) -> str:
        """Where the control side listens."""
        return f"http://127.0.0.1:{self.control_port}"


@asynccontextmanager
async def running_line(settings: LineSettings) -> AsyncIterator[RunningLine]:
    """Run a line until the block ends."""
    async with asyncio.TaskGroup() as tasks:
        line = Line(settings, tasks)
        try:
            async with (
                plain_http("127.0.0.1", settings.control_port, LineControl(line).serve) as control_port,
                name_server(settings.host, settings.names_port, line.name, settings.namespace) as names_port,
            ):
                yield RunningLine(line, control_port, names_port)
        finally:
            line.close()
