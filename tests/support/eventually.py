"""Waiting for the office: ask until it is so, or say what was seen last."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any

_PAUSE_SECONDS = 0.05


async def eventually(check: Callable[[], Any] | Callable[[], Awaitable[Any]], within: float = 10.0) -> Any:
    """Ask until the answer is truthy and return it; at the deadline fail with the last answer or exception."""
    deadline = time.monotonic() + within
    failure: Exception | None
    while True:
        try:
            seen = check()
            last = await seen if inspect.isawaitable(seen) else seen
        except Exception as error:  # noqa: BLE001  what is not yet so often raises; the last one is shown
            last, failure = repr(error), error
        else:
            failure = None
            if last:
                return last
        if time.monotonic() > deadline:
            raise AssertionError(f"not so within {within:g} s; seen last: {last!r}") from failure
        await asyncio.sleep(_PAUSE_SECONDS)
