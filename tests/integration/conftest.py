"""Fixtures of the integration tests."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.recordings import Installation, running_installation
from tests.support.stack import running
from tools.local import SERVERS, Stack


@pytest.fixture(scope="session")
def bus_stack() -> Iterator[Stack]:
    """Servers for the tests of the bus alone: what they write on the topics nobody else could read."""
    with running(SERVERS) as stack:
        yield stack


@pytest.fixture(scope="session")
async def recording_installation() -> AsyncIterator[Installation]:
    """The recording service with servers and far side, without its neighbours; shared by test_recording_*.py."""
    async with running_installation() as installation:
        yield installation


@pytest.fixture
async def installation(recording_installation: Installation) -> AsyncIterator[Installation]:
    """The same, well again after each test."""
    yield recording_installation
    await recording_installation.is_well_again()
