"""`python -m bench [NAME…]`: each measurement on a stack of its own; a missed aim is printed and is no error."""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import uvloop

from bench import arrivals, board, claim, journeys, latency
from bench.client import BenchFailed
from bench.people import People
from bench.result import Result, show
from bench.site import SETTINGS, Plan, Site
from tools.local import Stack, StartFailed

Measure = Callable[[Site, Plan], Awaitable[Result]]
# In this order one stack can serve all of them (`--quick`): the dead line comes late, the emptied tables last.
MEASUREMENTS: dict[str, Measure] = {
    "latency": latency.latency,
    "single": arrivals.single,
    "suket": journeys.suket,
    "cards": journeys.cards,
    "batch": arrivals.batch,
    "batch-contacts": arrivals.batch_contacts,
    "board": board.board,
    "claim": claim.claim,
}
_EXPECTED = (BenchFailed, OSError, TimeoutError)
_FOLDER = Path(".local/bench")
_MOST = 300_000
_MOST_QUICK = 200


def main(arguments: Sequence[str]) -> int:
    """Measure what was named, or all; 1 when something did not work."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASUREMENTS))
    parser.add_argument("--seconds", type=float, help="length of each measurement (60)")
    parser.add_argument("--warm-up", type=float, help="seconds before it that do not count (10)")
    parser.add_argument("--quick", action="store_true", help="2 s each on one stack: shows that it works, no figures")
    parser.add_argument("--line-down", action="store_true", help="the line is dead while arrivals alone are measured")
    parser.add_argument("--keep", action="store_true", help="keep the folder with data and logs")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.names) - MEASUREMENTS.keys():
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}")
    if asked.quick and asked.line_down:
        parser.error("the stack that --quick shares needs its line")
    names = [name for name in MEASUREMENTS if name in asked.names or not asked.names]
    plan = Plan(
        seconds=asked.seconds or (2 if asked.quick else 60),
        warm_up=asked.warm_up if asked.warm_up is not None else (0.2 if asked.quick else 10),
        most=_MOST_QUICK if asked.quick else _MOST,
        is_line_down=asked.line_down,
    )
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{plan.seconds:g} s each after {plan.warm_up:g} s of warm-up; load averages before: {load}", flush=True)
    groups = [names] if asked.quick else [[name] for name in names]
    failed = [name for group in groups for name in _measure(group, plan, is_kept=asked.keep)]
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _measure(names: Sequence[str], plan: Plan, *, is_kept: bool) -> list[str]:
    """Measure on one fresh stack; gives the names of what failed."""
    folder = _FOLDER / f"{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    stack = Stack.on_free_ports(folder, settings=SETTINGS)
    began = time.monotonic()
    with stack:
        try:
            stack.start()
        except StartFailed as failure:
            print(f"\nthe stack did not start: {failure}", file=sys.stderr)
            return list(names)
        print(f"\n(a stack was ready after {time.monotonic() - began:.1f} s)", flush=True)
        people = People()
        failed = [name for name in names if not uvloop.run(_measure_one(stack, people, name, plan))]
    if not is_kept and not failed:
        stack.remove()
    return failed


async def _measure_one(stack: Stack, people: People, name: str, plan: Plan) -> bool:
    site = Site(stack, people)
    try:
        show(await MEASUREMENTS[name](site, plan))
    except (*_EXPECTED, ExceptionGroup) as failure:
        leaves = _leaves(failure)
        if not all(isinstance(leaf, _EXPECTED) for leaf in leaves):
            raise
        told = "; ".join(sorted({f"{type(leaf).__name__}: {leaf}" for leaf in leaves}))
        print(f"\n{name} failed: {told}", file=sys.stderr)
        return False
    finally:
        site.close()
        sys.stdout.flush()
    return True


def _leaves(failure: Exception) -> list[Exception]:
    if not isinstance(failure, ExceptionGroup):
        return [failure]
    return [leaf for one in failure.exceptions for leaf in _leaves(one)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
