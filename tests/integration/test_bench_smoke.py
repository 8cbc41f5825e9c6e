"""`make bench` in little: every measurement works and prints its table; its figures mean nothing here."""

import asyncio
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_TITLES = (
    "POST to completed, suket_extension at 50/s",
    "Arrivals by single POST, 32 clients",
    "Whole journeys of suket_extension",
    "Whole journeys of first_recording, 200 kB packets",
    "Arrivals by batches of 500, without contacts",
    "Arrivals by batches of 500, with contacts",
    "Arrival to board with the gate holding",
    "Claims of 64 of 3,000 waiting stages",
)


@pytest.mark.smoke
@pytest.mark.timeout(240)
async def test_every_measurement_works_and_prints_its_table() -> None:
    code, told = await _bench("--quick")

    assert code == 0, told
    assert [title for title in _TITLES if title not in told] == []
    assert told.count("CPU s per 1,000") == len(_TITLES)
    assert "aim ≥ 500" in told


async def test_an_unknown_measurement_is_refused() -> None:
    code, told = await _bench("patience")

    assert code == 2
    assert "no such measurement: patience" in told


async def _bench(*arguments: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench",
        *arguments,
        cwd=_ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 220)
    return process.returncode, output.decode()
