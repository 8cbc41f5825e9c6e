"""The fixture `counter`; a test file asks for it by `pytest_plugins = ["tests.support.intake_fixture"]`."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.intake import Counter, serving, settings_of
from tests.support.serving import free_port
from tools.local import Stack


@pytest.fixture(scope="session")
async def counter(postgres_and_kafka: Stack) -> AsyncIterator[Counter]:
    """The counter of Tambun Selatan, 32.16.06."""
    stack = postgres_and_kafka
    await asyncio.to_thread(stack.start_service, "issuer")
    store = stack.folder / "intake-store"
    async with serving(settings_of(stack, free_port(), store)) as url, httpx.AsyncClient(trust_env=False) as http:
        http.timeout = httpx.Timeout(30)
        yield Counter(url, stack.endpoints.issuer, stack, store, http)
