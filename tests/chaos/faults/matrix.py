"""What a matrix is played on, and what must hold of it (I17)."""

from collections.abc import Sequence

from tests.chaos.faults.cases import Case
from tests.chaos.faults.play import Play
from tests.chaos.faults.score import Played, report, score
from tests.support.recordings import SETTINGS

_RIGHT_SHARE = 0.99
_VERDICT_SECONDS = 10.0
# Deadlines and probes as an office has them at the least; only what follows an outage is made quick.
MATRIX = {
    **SETTINGS,
    "recording": {
        **SETTINGS["recording"],
        "REKAM_GATE_LIMIT": "8",
        "REKAM_PROBE_SECONDS": "1",
        "REKAM_ASK_AFTER_SECONDS": "[0.5,1]",
        "REKAM_OUTAGE_CLEAN_SECONDS": "2",
    },
}


async def is_told_right(play: Play, cases: Sequence[Case]) -> None:
    """Play these cases, print what was said of them, and hold it against their labels."""
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
