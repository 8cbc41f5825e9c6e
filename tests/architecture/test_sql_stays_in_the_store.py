"""SQL is text in one room of each service, where people who know SQL find it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, plant, sources

_SQL = re.compile(
    r"\s*(SELECT|INSERT INTO|UPDATE \w+ |DELETE FROM|WITH (RECURSIVE )?\w+ AS|CREATE |ALTER |DROP |TRUNCATE|LOCK TABLE)"
)
_ROOMS = {"store", "migrations"}


def stray_sql(root: Path) -> Iterator[str]:
    """Name the places outside the store that speak SQL."""
    for source in sources("services", "shared", root=root):
        if source.room in _ROOMS or source.path.parts[:2] == ("shared", "postgres"):
            continue
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _SQL.match(node.value):
                yield source.at(node)


def test_sql_stays_in_the_store() -> None:
    assert "\n".join(stray_sql(ROOT)) == ""


@pytest.mark.parametrize("sql", ["SELECT 1", "\n    INSERT INTO person VALUES ($1)", "UPDATE stage SET state = 'done'"])
def test_stray_sql_is_found(tmp_path: Path, sql: str) -> None:
    plant(tmp_path, "services/intake/usecases/find_people.py", f"FOUND = {sql!r}\n")

    assert list(stray_sql(tmp_path)) == ["services/intake/usecases/find_people.py:1"]
