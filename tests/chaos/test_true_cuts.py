"""Packets lost in a network of its own, with none of our processes in the way: the same matrix (I17) must hold."""

from collections.abc import AsyncIterator

import pytest

from tests.chaos.faults.cases import CUTS, Case
from tests.chaos.faults.matrix import MATRIX, is_told_right
from tests.chaos.faults.play import Play
from tests.support.netns import FarNetwork, far_network
from tests.support.recordings import PARTS, running_installation


@pytest.fixture(scope="module")
async def play() -> AsyncIterator[Play]:
    """An installation whose way to the centre leads through a far network, which also answers for every name."""
    with far_network() as net:
        dressed = {"recording": net.resolving, "probe": net.resolving}
        async with running_installation(_settings(net), (*PARTS, "probe"), dressed) as installation:
            yield Play(installation, lambda case: _switch(net, case))


@pytest.mark.timeout(600)
async def test_packets_dropped_or_rejected_and_names_lost_are_told_for_what_they_are(play: Play) -> None:
    await is_told_right(play, CUTS)


def _settings(net: FarNetwork) -> dict[str, dict[str, str]]:
    line = {
        "REKAM_LINE_NAMESPACE": net.namespace,
        "REKAM_LINE_HOST": net.address,
        "REKAM_LINE_NAMES_PORT": "53",
        "REKAM_LINE_NEUTRAL_HOST": "127.0.0.1",
    }
    return {**MATRIX, "line": line}


def _switch(net: FarNetwork, case: Case | None) -> None:
    if case is None:
        net.heal()
        return
    {"drop": net.drop, "reject": net.reject, "dns": net.silence_names}[case.kind]()
    if case.kind != "dns":
        net.spare_names()
