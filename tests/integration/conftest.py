"""Fixtures of the integration tests."""

from collections.abc import AsyncIterator

import pytest

from tests.support.recordings import Installation, running_installation


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
