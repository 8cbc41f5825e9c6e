"""A service stops as one: on its stop, or when any of its tasks dies, however quietly."""

import asyncio

import pytest

from shared.lifecycle import EndedEarly, keep_doing, run_until_stopped


async def waits(stop: asyncio.Event) -> None:
    await stop.wait()


async def returns(_stop: asyncio.Event) -> None:
    """End for no reason."""


async def is_cancelled_from_within(_stop: asyncio.Event) -> None:
    raise asyncio.CancelledError


async def test_all_tasks_end_with_the_stop() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_soon(stop.set)

    await asyncio.wait_for(run_until_stopped({"one": waits, "two": waits}, stop), 5)


@pytest.mark.parametrize("dying", [returns, is_cancelled_from_within])
async def test_a_task_that_ends_unasked_ends_the_service(dying: object) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(run_until_stopped({"dying": dying, "living": waits}), 5)  # type: ignore[dict-item]

    assert caught.value.subgroup(EndedEarly) is not None


async def test_a_task_that_ignores_the_stop_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.lifecycle._STOP_SECONDS", 0.1)
    stop = asyncio.Event()
    stop.set()

    async def ignores(_stop: asyncio.Event) -> None:
        await asyncio.Event().wait()

    await asyncio.wait_for(run_until_stopped({"deaf": ignores}, stop), 5)


async def test_a_turn_that_raises_is_repeated() -> None:
    stop, turns = asyncio.Event(), []

    async def turn() -> float:
        turns.append(1)
        if len(turns) < 3:
            raise ZeroDivisionError
        stop.set()
        return 0.0

    await asyncio.wait_for(keep_doing(turn, stop, name="test", rest=0.01), 5)

    assert len(turns) == 3
