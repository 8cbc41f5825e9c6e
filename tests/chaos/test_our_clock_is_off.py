"""Our own machines have another time than everybody else: the centre's certificate seems expired, or not yet valid.

Nobody else may be accused of it, neither by the call nor by the probe, which stands on the same machine.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chaos.faults.cases import CLOCKS
from tests.chaos.faults.matrix import MATRIX, is_told_right
from tests.chaos.faults.play import Play
from tests.support.other_time import OtherTime, other_time
from tests.support.recordings import PARTS, Installation, running_installation
from tools.token import fetch_token

_YEARS = 5 * 365 * 86_400


@pytest.fixture(scope="module")
async def play(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Play]:
    """An installation whose service and probe can be given another time; database, issuer and centre keep theirs."""
    time = other_time(Path(tmp_path_factory.mktemp("time")))
    async with running_installation(_settings(time), (*PARTS, "probe")) as installation:
        _asks_at_any_time(installation)
        yield Play(installation, lambda case: time.shift(case.how["days"] if case else 0))


@pytest.mark.timeout(600)
async def test_a_wrong_clock_of_ours_is_our_fault_alone(play: Play) -> None:
    await is_told_right(play, CLOCKS)

    assert await play.held_in_quarantine() == 0


def _settings(time: OtherTime) -> dict[str, dict[str, str]]:
    return {**MATRIX, "recording": {**MATRIX["recording"], **time.environment}, "probe": time.environment}


def _asks_at_any_time(installation: Installation) -> None:
    """Get a token that is valid by the wrong clock, too, so that the same API tells what is said."""
    token = fetch_token(installation.stack.endpoints.issuer, "sre", "*", lifetime_seconds=_YEARS)
    installation.tokens["sre", "*"] = token
