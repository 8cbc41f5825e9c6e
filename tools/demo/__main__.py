"""`make demo`: one office day on a stack of its own, from nothing, with a report and the invariants at the end."""

import argparse
import asyncio
import random
import shutil
import sys
import time
from pathlib import Path

import httpx

from shared.sealing import SealingKey
from tools.demo.day import LINE_DIES, LINE_RETURNS
from tools.demo.findings import gather
from tools.demo.play import Play, Played, settings_for_the_day
from tools.demo.report import print_report
from tools.local import Stack
from tools.token import fetch_token
from tools.verify import Accepted, Outage, Result, verify

_FOLDER = Path(".local/demo")


def main(arguments: list[str]) -> int:
    """Play the day and verify it; 0 when every invariant holds and everybody's recording got where it could."""
    parser = argparse.ArgumentParser(prog="python -m tools.demo", description=__doc__)
    parser.add_argument("--seed", type=int, default=20170614, help="who comes when; the same seed, the same day")
    parser.add_argument("--keep", action="store_true", help="keep the folder with data and logs")
    asked = parser.parse_args(arguments)
    shutil.rmtree(_FOLDER, ignore_errors=True)
    stack = Stack.on_free_ports(_FOLDER, settings=settings_for_the_day())
    began = time.monotonic()
    print("Starting PostgreSQL, Kafka, the far side and the four services ...", flush=True)
    with stack:
        stack.start()
        print(f"All ready after {time.monotonic() - began:.0f} s. Seed {asked.seed}.\n", flush=True)
        is_well = asyncio.run(_day(stack, asked.seed))
    if not asked.keep:
        stack.remove()
    return 0 if is_well else 1


async def _day(stack: Stack, seed: int) -> bool:
    key = SealingKey.from_file(stack.keys / "centre_sealing.public.json")
    async with httpx.AsyncClient(timeout=20, limits=httpx.Limits(max_connections=40)) as http:
        played = await Play(http, stack.endpoints, key, random.Random(seed)).run()
        token = await asyncio.to_thread(fetch_token, stack.endpoints.issuer, "sre", "*")
        print_report(played, await gather(http, stack.endpoints, played, token))
    results = await _verified(stack, played)
    return played.is_finished and all(result.is_ok for result in results) and _nobody_refused(played)


async def _verified(stack: Stack, played: Played) -> list[Result]:
    """Check every invariant against what was promised, and print a line each."""
    history, clock = played.desk.history, played.clock
    accepted = Accepted(recordings=frozenset(history.arrivals), packets=frozenset(history.captures.values()))
    markers = [marker for person in history.arrivals.values() for marker in person.markers()]
    outage = Outage(clock.real(LINE_DIES), clock.real(LINE_RETURNS))
    results = await verify(stack.endpoints, folder=_FOLDER, accepted=accepted, markers=markers, outages=[outage])
    for result in results:
        print("\n".join(result.lines()))
    return results


def _nobody_refused(played: Played) -> bool:
    return played.desk.history.refused == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
