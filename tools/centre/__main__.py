"""`python -m tools.centre`: the simulated centre as a process of its own."""

import asyncio
import json
import signal

import uvloop

from tools.centre.server import CentreSettings, running_centre


async def _run() -> None:
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    async with running_centre(CentreSettings.from_environment()) as running:
        print(json.dumps({"centre": running.url, "centre_control": running.control_url}), flush=True)
        await stop.wait()


if __name__ == "__main__":
    uvloop.run(_run())
