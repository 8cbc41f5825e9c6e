"""What notification does by itself: send what is due; hearing never waits for it."""

import asyncio

from services.notification.usecases.send_messages import SendMessages
from shared.lifecycle import keep_doing

_POLL_SECONDS = 0.2


async def send_due_messages(send: SendMessages, stop: asyncio.Event) -> None:
    """Send until the stop."""

    async def turn() -> float:
        return 0.0 if await send() else _POLL_SECONDS

    await keep_doing(turn, stop, name="send due messages")
