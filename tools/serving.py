"""How a tool runs: its page is served until SIGTERM or SIGINT, then it ends cleanly."""

import uvloop
from fastapi import FastAPI

from shared.http import serve
from shared.lifecycle import run_until_stopped


def run(app: FastAPI, *, port: int, host: str = "127.0.0.1") -> None:
    """Serve the tool's page until the process is told to end."""
    uvloop.run(run_until_stopped({"http": lambda stop: serve(app, host=host, port=port, stop=stop)}))


async def nothing_to_wait_for() -> dict[str, bool]:
    """Answer readiness for tools that stand on nothing."""
    return {}
