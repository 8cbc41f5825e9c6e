"""Runs the wanted checks side by side on what they need, each source read once."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path

from tools.local.endpoints import Endpoints
from tools.verify.checks import calls, gates, history, rest, store
from tools.verify.gather.sources import CannotRead, Sources
from tools.verify.result import Result
from tools.verify.seen import Accepted, Outage

ALL = ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I10", "I11", "I13")
Check = Callable[[], Awaitable[Result]]


async def verify(
    endpoints: Endpoints,
    *,
    folder: Path | None = None,
    only: Collection[str] | None = None,
    accepted: Accepted | None = None,
    outages: Sequence[Outage] = (),
    markers: Sequence[bytes] = (),
) -> list[Result]:
    """Check the invariants, or `only` some; `folder` is the run folder (store, logs, spans), `markers` I10's bytes."""
    wanted = [identifier for identifier in ALL if only is None or identifier in only]
    async with asyncio.TaskGroup() as tasks:
        sources = Sources(endpoints, folder, tuple(markers), tasks)
        checks = {**_of_calls(sources, outages), **_of_history(sources, accepted), **_of_rest(sources)}
        running = [tasks.create_task(_checked(identifier, checks[identifier])) for identifier in wanted]
    return [one.result() for one in running]


async def _checked(identifier: str, check: Check) -> Result:
    try:
        return await check()
    except CannotRead as error:
        return Result(identifier, False, "cannot be checked", str(error))


def _of_calls(sources: Sources, outages: Sequence[Outage]) -> Mapping[str, Check]:
    async def i2() -> Result:
        return calls.registered_once(await sources.journal(), await sources.records(), await sources.ledger())

    async def i3() -> Result:
        return calls.asked_before_second_send(await sources.journal(), await sources.ledger())

    async def i4() -> Result:
        return calls.ledger_matches_journal(await sources.journal(), await sources.ledger())

    async def i7() -> Result:
        return gates.gates_hold((await sources.history()).told, await sources.ledger(), outages)

    return {"I2": i2, "I3": i3, "I4": i4, "I7": i7}


def _of_history(sources: Sources, accepted: Accepted | None) -> Mapping[str, Check]:
    async def i1() -> Result:
        told = (await sources.history()).told
        return store.nothing_accepted_is_lost(await sources.intake(), told, await sources.stored(), accepted)

    async def i5() -> Result:
        return history.history_is_legal((await sources.history()).told, (await sources.ledger()).attempts)

    async def i11() -> Result:
        told = (await sources.history()).told
        return store.digests_agree(await sources.intake(), told, await sources.records(), await sources.stored())

    return {"I1": i1, "I5": i5, "I11": i11}


def _of_rest(sources: Sources) -> Mapping[str, Check]:
    async def i6() -> Result:
        return rest.rebuild_is_same(await sources.rebuild())

    async def i10() -> Result:
        return rest.no_personal_data(await sources.search())

    async def i13() -> Result:
        arrivals = (await sources.intake()).arrivals
        return rest.all_is_finished(await sources.ledger(), arrivals, await sources.rest())

    return {"I6": i6, "I10": i10, "I13": i13}
