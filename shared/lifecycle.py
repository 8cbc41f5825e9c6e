"""Starts a service's tasks together and stops them together: each task has an owner and a stop."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeAlias

import structlog

from shared.postgres.pool import AWAY

Task: TypeAlias = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
_STOP_SECONDS = 8.0
_log = structlog.get_logger()


class EndedEarly(Exception):
    """A task ended although nobody asked it to."""


async def run_until_stopped(tasks: dict[str, Task], stop: asyncio.Event | None = None) -> None:
    """Run all tasks until SIGTERM or SIGINT; a task that dies is a bug that stops the whole service, loudly."""
    stopping = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for received in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(received, stopping.set)
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(_to_the_stop(task, stopping), name=name) for name, task in tasks.items()]
        group.create_task(_cut_stragglers(running, stopping))


async def keep_doing(
    turn: Callable[[], Awaitable[float]], stop: asyncio.Event, *, name: str, rest: float = 1.0
) -> None:
    """Repeat `turn`, resting the seconds it answers; a turn that raises is logged and tried again after `rest`."""
    while not stop.is_set():
        try:
            seconds = await turn()
        except AWAY as error:
            _log.warning("a loop waits for postgresql", loop=name, error=type(error).__name__)
            seconds = rest
        except Exception:  # noqa: BLE001  a loop outlives any single turn
            _log.exception("a loop's turn raised and is repeated", loop=name)
            seconds = rest
        if seconds > 0:
            await rest_unless(stop, seconds)


async def rest_unless(stop: asyncio.Event, seconds: float) -> None:
    """Wait for the seconds or the stop, whichever comes first."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


async def _to_the_stop(task: Task, stopping: asyncio.Event) -> None:
    """A TaskGroup overlooks a task that returns, or is cancelled from within by a library: here it is a death."""
    try:
        await task(stopping)
        if not stopping.is_set():
            raise EndedEarly
    except asyncio.CancelledError as error:
        current = asyncio.current_task()
        if current is None or current.cancelling():
            raise
        raise EndedEarly from error
    finally:
        # A library may swallow the TaskGroup's one cancellation; the stop reaches every task for certain.
        stopping.set()


async def _cut_stragglers(running: list["asyncio.Task[None]"], stopping: asyncio.Event) -> None:
    await stopping.wait()
    _, late = await asyncio.wait(running, timeout=_STOP_SECONDS)
    for task in late:
        _log.warning("a task did not stop in time", task=task.get_name())
        task.cancel()
