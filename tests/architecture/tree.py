"""The tree as the architecture tests read it; every rule takes a root, so that a test can show it a broken one."""

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVICES = ("intake", "recording", "notification", "status")


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file, its path below the root, and what it says."""

    path: Path
    text: str

    @property
    def tree(self) -> ast.Module:
        """Parse the file."""
        return _parsed(self.text)

    @property
    def room(self) -> str:
        """Name the room of a service's file, such as `store`; empty elsewhere."""
        parts = self.path.parts
        return parts[2].removesuffix(".py") if parts[0] == "services" and len(parts) > 2 else ""

    @property
    def code_lines(self) -> int:
        """Count the lines that are neither blank nor a comment."""
        return sum(1 for line in self.text.splitlines() if line.strip() and not line.strip().startswith("#"))

    def at(self, node: ast.AST) -> str:
        """Say where a node stands, as `path:line`."""
        return f"{self.path}:{getattr(node, 'lineno', 0)}"


def sources(*folders: str, root: Path = ROOT) -> Iterator[Source]:
    """Read the Python files below these folders of the tree."""
    for folder in folders:
        for file in sorted((root / folder).rglob("*.py")):
            if "__pycache__" not in file.parts:
                yield Source(file.relative_to(root), file.read_text())


def plant(root: Path, path: str, text: str) -> Path:
    """Write a file into a tree of the test's own."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


@functools.cache
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)
