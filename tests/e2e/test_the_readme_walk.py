"""A newcomer pastes the README's walk, as it stands, after `make up`."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.stack import new_folder
from tools.local import Endpoints
from tools.local.places import ROOT

_MINUTES = 4 * 60


@pytest.mark.timeout(_MINUTES + 60)
def test_the_walk_works_as_pasted() -> None:
    place = new_folder()
    environment = {**os.environ, "REKAM_RUN_DIR": str(place / "up"), "REKAM_PORTS": "free"}
    _run("make -s up", environment)
    try:
        told = _run(_walk(Endpoints.read(place / "endpoints.json")), environment)
    finally:
        _run("make -s down", environment)

    assert told.count('"rejoined":false') == 3, told
    assert '"state":"completed"' in told, told
    assert '"cause":"network"' in told, told
    assert '"keep_recording"' in told, told
    assert "<title" in told, told
    assert len(re.findall(r"^I\d+ +ok ", told, re.MULTILINE)) == 10, told


def _walk(endpoints: Endpoints) -> str:
    """Join the README's code below the walk's heading; only the ports are those of this run."""
    walk = (ROOT / "README.md").read_text().split("## A walk by curl")[1].split("\n## ")[0]
    script = "\n".join(re.findall(r"^```bash\n(.*?)^```", walk, re.MULTILINE | re.DOTALL))
    for port, address in (
        (8001, endpoints.intake),
        (8002, endpoints.recording),
        (8003, endpoints.notification),
        (8004, endpoints.status),
        (8091, endpoints.line_control),
    ):
        script = script.replace(f"http://127.0.0.1:{port}", address)
    return script


def _run(script: str, environment: dict[str, str]) -> str:
    done = subprocess.run(  # noqa: S603  the README of this repository
        ["/usr/bin/env", "bash", "-euo", "pipefail", "-c", script],
        cwd=Path(ROOT),
        env=environment,
        capture_output=True,
        text=True,
        timeout=_MINUTES,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
