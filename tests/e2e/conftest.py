"""One stack for all stories, with scaled settings; each story opens an office of its own and leaves a whole world."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.office import Office
from tests.support.stack import new_folder
from tests.support.world import World, running_world, settings_of_the_stories
from tools.local import Stack


@pytest.fixture(scope="session")
def stack_of_the_stories(request: pytest.FixtureRequest) -> Iterator[Stack]:
    failed_before = request.session.testsfailed
    with Stack.on_free_ports(new_folder(), settings=settings_of_the_stories()) as stack:
        yield stack.start()
    if request.session.testsfailed == failed_before:
        stack.remove()
    else:
        print(f"\nlogs of the stories: {stack.folder / 'logs'}")  # noqa: T201  said to who reads the failure


@pytest.fixture(scope="session")
async def world(stack_of_the_stories: Stack) -> AsyncIterator[World]:
    async with running_world(stack_of_the_stories) as world:
        yield world


@pytest.fixture
async def office(world: World) -> AsyncIterator[Office]:
    yield await world.opens_an_office()
    await asyncio.wait_for(world.is_whole_again(), 120)
