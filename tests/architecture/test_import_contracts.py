"""The import contracts of pyproject.toml: each was seen to break, on a copy of the tree with one import too many."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, plant

_LINT = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo"]

_VIOLATIONS = [
    ("rooms", "services/recording/store/upwards.py", "from services.recording.usecases import claim_stages\n"),
    ("rooms", "services/recording/domain/upwards.py", "from services.recording.store import stages\n"),
    ("rooms", "services/status/api.py", "from services.status import loops\n"),
    ("rooms", "services/status/helpers.py", "A_ROOM_NOBODY_KNOWS = True\n"),
    ("services", "services/status/usecases/foreign.py", "from services.recording.domain import journey\n"),
    ("shared", "shared/knowing.py", "from services.status.domain import journey\n"),
    ("shared", "services/status/usecases/cheating.py", "from tools.centre import journal\n"),
    ("domain", "services/recording/domain/impure.py", "import random\n"),
    ("domain", "services/recording/domain/impure.py", "import asyncpg\n"),
    ("domain", "services/recording/domain/impure.py", "from shared import clock\n"),
    ("wiring", "services/recording/usecases/curious.py", "from services.recording.settings import RecordingSettings\n"),
    ("wiring", "services/recording/usecases/curious.py", "from shared.kafka.producer import Producer\n"),
    ("wiring", "services/status/loops.py", "from shared.runtime import Runtime\n"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the code, and nothing else of the tree."""
    root = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "pyproject.toml", root)
    for folder in ("services", "shared", "tools"):
        unread = shutil.ignore_patterns("__pycache__", "*.sql", "*.toml", "*.md", ".*")
        shutil.copytree(ROOT / folder, root / folder, ignore=unread)
    return root


def test_the_tree_keeps_every_import_contract(copy: Path) -> None:
    answer = _lint(copy)

    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(("contract", "path", "line"), _VIOLATIONS)
def test_an_import_against_the_contract_is_found(copy: Path, contract: str, path: str, line: str) -> None:
    before = (copy / path).read_text() if (copy / path).exists() else None
    planted = plant(copy, path, line + (before or ""))

    answer = _lint(copy, contract)

    planted.unlink() if before is None else planted.write_text(before)
    assert answer.returncode == 1, answer.stdout
    assert "BROKEN" in answer.stdout


def _lint(root: Path, *contracts: str) -> "subprocess.CompletedProcess[str]":
    chosen = [word for contract in contracts for word in ("--contract", contract)]
    return subprocess.run([*_LINT, *chosen], cwd=root, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603  our own tool
