"""Every way the line and the centre can fail, and what is said of it: the confusion matrix (I17)."""

from collections.abc import AsyncIterator

import pytest

from tests.chaos.faults.cases import CASES, SMOKE
from tests.chaos.faults.matrix import MATRIX, is_told_right
from tests.chaos.faults.play import Play
from tests.support.recordings import PARTS, Installation, running_installation


@pytest.fixture(scope="module")
async def play() -> AsyncIterator[Play]:
    """An installation of its own, with the second witness."""
    async with running_installation(MATRIX, (*PARTS, "probe")) as installation:
        await _has_blanks(installation)
        yield Play(installation)


@pytest.mark.smoke
@pytest.mark.timeout(300)
async def test_the_commonest_faults_are_told_apart(play: Play) -> None:
    await is_told_right(play, SMOKE)


@pytest.mark.timeout(3000)
async def test_every_fault_is_told_for_what_it_is_and_nobody_is_blamed_wrongly(play: Play) -> None:
    await is_told_right(play, CASES)


async def _has_blanks(installation: Installation) -> None:
    (await installation.blanks("32.16", 1000)).raise_for_status()
