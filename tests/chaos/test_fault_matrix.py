"""Every way the line and the centre can fail, and what is said of it: the confusion matrix (I17)."""

from collections.abc import AsyncIterator, Sequence

import pytest

from tests.chaos.faults.cases import CASES, SMOKE, Case
from tests.chaos.faults.play import Play
from tests.chaos.faults.score import Played, report, score
from tests.support.recordings import PARTS, SETTINGS, Installation, running_installation

_RIGHT_SHARE = 0.99
_VERDICT_SECONDS = 10.0
# Deadlines and probes as an office has them at the least; only what follows an outage is made quick.
_MATRIX = {
    **SETTINGS,
    "recording": {
        **SETTINGS["recording"],
        "REKAM_GATE_LIMIT": "8",
        "REKAM_PROBE_SECONDS": "1",
        "REKAM_ASK_AFTER_SECONDS": "[0.5,1]",
        "REKAM_OUTAGE_CLEAN_SECONDS": "2",
    },
}


@pytest.fixture(scope="module")
async def play() -> AsyncIterator[Play]:
    """An installation of its own, with the second witness."""
    async with running_installation(_MATRIX, (*PARTS, "probe")) as installation:
        await _has_blanks(installation)
        yield Play(installation)


@pytest.mark.smoke
@pytest.mark.timeout(300)
async def test_the_commonest_faults_are_told_apart(play: Play) -> None:
    await _is_told_right(play, SMOKE)


@pytest.mark.timeout(3000)
async def test_every_fault_is_told_for_what_it_is_and_nobody_is_blamed_wrongly(play: Play) -> None:
    await _is_told_right(play, CASES)


async def _is_told_right(play: Play, cases: Sequence[Case]) -> None:
    played: list[Played] = []
    for case in cases:
        played.append(await play.run(case))
        print(played[-1])  # noqa: T201  what was said before it went wrong
    counted = score(played)
    told = report(played, counted)
    print(f"\n{told}")  # noqa: T201  the matrix is for people

    assert all(one.rows for one in played), told
    assert counted.right_share >= _RIGHT_SHARE, told
    assert not counted.blamed, told
    late = [one for one in played if one.case.waits_for_verdict and (one.verdict_seconds or 99) > _VERDICT_SECONDS]
    assert not late, told
    assert not [one.untraced for one in played if one.untraced], told
    assert not [one for one in played if one.blames_wrongly], told


async def _has_blanks(installation: Installation) -> None:
    (await installation.blanks("32.16", 1000)).raise_for_status()
