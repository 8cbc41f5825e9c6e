"""`python -m tools.line`: the line as a process of its own."""

import asyncio
import json
import signal

import uvloop

from tools.line.server import running_line
from tools.line.settings import LineSettings


async def _run() -> None:
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    settings = LineSettings.from_environment()
    async with running_line(settings) as running:
        urls = {
            "centre": f"https://localhost:{running.line.port}",
            "line_control": running.control_url,
            "neutral": f"127.0.0.1:{running.line.neutral_port}",
            "names": f"{settings.host}:{running.names_port}",
        }
        print(json.dumps(urls), flush=True)
        await stop.wait()


if __name__ == "__main__":
    uvloop.run(_run())
