"""Asks status to rebuild itself beside itself, as an operator would: by its own command."""

import asyncio
import os
import sys

import orjson

from tools.local.endpoints import Endpoints
from tools.local.places import ROOT
from tools.verify.seen import Rebuild

_TRIES = 3
_PATIENCE_SECONDS = 60


class NoRebuild(Exception):
    """The command of status failed; its own message is on its standard error."""


async def read_rebuild(endpoints: Endpoints) -> Rebuild:
    """Compare served and rebuilt views; again when events came in between."""
    for _ in range(_TRIES):
        rebuild = await _once(endpoints)
        if rebuild.live == rebuild.rebuilt or rebuild.events == rebuild.live_events:
            break
    return rebuild


async def _once(endpoints: Endpoints) -> Rebuild:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.status",
        "rebuild-check",
        cwd=ROOT,
        env=_environment(endpoints),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), _PATIENCE_SECONDS)
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    lines = output.decode().strip().splitlines()
    if not lines or not lines[-1].startswith("{"):
        raise NoRebuild(f"exit code {process.returncode}")
    return Rebuild(**orjson.loads(lines[-1]))


def _environment(endpoints: Endpoints) -> dict[str, str]:
    told = {
        "REKAM_POSTGRES_DSN": endpoints.postgres["status"],
        "REKAM_KAFKA_BOOTSTRAP": endpoints.kafka,
        "REKAM_HTTP_PORT": "0",
        "REKAM_ISSUER_URL": endpoints.issuer,
        "REKAM_OTLP_URL": "",
    }
    return dict(os.environ) | told
