"""Real servers on free ports, for as long as a block."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from shared.http import serve
from tests.support.eventually import eventually


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def running(app: FastAPI, port: int) -> AsyncIterator[str]:
    """Serve the app while the block runs and give its address."""
    stop, url = asyncio.Event(), f"http://127.0.0.1:{port}"
    server = asyncio.create_task(serve(app, host="127.0.0.1", port=port, stop=stop))
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            await eventually(lambda: client.get(f"{url}/livez"))
        yield url
    finally:
        stop.set()
        await asyncio.wait_for(server, 10)


def slug(answer: httpx.Response) -> str:
    """Give the name of the problem an answer carries."""
    return str(answer.json()["type"]).rpartition("/")[2]
