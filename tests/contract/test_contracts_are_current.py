"""What docs/contracts says is what the code does: written anew, nothing changes."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "docs" / "contracts"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the contracts as `make contracts` does, in a process and a folder of their own."""
    folder = tmp_path_factory.mktemp("contracts")
    subprocess.run([sys.executable, "-m", "tools.contracts", str(folder)], cwd=ROOT, check=True, timeout=60)  # noqa: S603  our own tool
    return folder


@pytest.mark.parametrize("pattern", ["asyncapi.yaml", "openapi/*.json"])
def test_generated_contracts_equal_the_committed_ones(written: Path, pattern: str) -> None:
    committed = {file.name: file.read_text() for file in COMMITTED.glob(pattern)}

    assert {file.name: file.read_text() for file in written.glob(pattern)} == committed


def test_every_service_has_its_openapi(written: Path) -> None:
    services = {folder.parent.name for folder in (ROOT / "services").glob("*/__main__.py")}

    assert {file.stem for file in (written / "openapi").iterdir()} == services


def test_every_event_has_a_golden(written: Path) -> None:
    golden = {file.name for file in (COMMITTED / "events").iterdir()}

    assert {file.name for file in (written / "events").iterdir()} <= golden
