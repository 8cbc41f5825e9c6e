"""The domain decides and does nothing else: no other package, no await, no clock, no chance."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, Source, plant, sources

_WORDS_OF_ALL = {"shared.events.vocabulary", "shared.events.situation", "shared.events.progress"}  # ADR 0004
_CLOCKS = {"now", "today", "utcnow", "time", "monotonic"}


def impurities(root: Path) -> Iterator[str]:
    """Name what a domain imports, awaits or reads from a clock and must not."""
    for source in sources("services", root=root):
        if source.room == "domain":
            yield from _foreign_imports(source)
            yield from _waits_and_clocks(source)


def test_a_domain_imports_the_standard_library_and_the_shared_words_only() -> None:
    assert "\n".join(impurities(ROOT)) == ""


@pytest.mark.parametrize(
    "line",
    [
        "import asyncpg",
        "from shared.clock import now",
        "from shared.events.envelope import Event",
        "from services.recording.store import stages",
        "async def decide() -> None: ...",
        "from datetime import datetime\nat = datetime.now()",
        "from datetime import date\nday = date.today()",
    ],
)
def test_an_impure_domain_is_found(tmp_path: Path, line: str) -> None:
    plant(tmp_path, "services/recording/domain/rules.py", f"{line}\n")

    assert len(list(impurities(tmp_path))) == 1


def _foreign_imports(source: Source) -> Iterator[str]:
    own = ".".join(source.path.parts[:3])
    for node in ast.walk(source.tree):
        for module in _modules(node):
            is_of_python = module.partition(".")[0] in sys.stdlib_module_names
            if not (is_of_python or module in _WORDS_OF_ALL or module.startswith(own)):
                yield f"{source.at(node)} imports {module}"


def _modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return []


def _waits_and_clocks(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield f"{source.at(node)} waits"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CLOCKS:
            yield f"{source.at(node)} reads a clock"
