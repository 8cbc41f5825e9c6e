"""Fixtures for every suite: real servers, started once per session."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stack import running
from tools.local import SERVERS, Stack

_LONG_SUITES = ("chaos", "browser")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--smoke`: of the long suites only what is marked smoke."""
    parser.addoption("--smoke", action="store_true", help="of tests/chaos and tests/browser run only the smoke")


def pytest_configure(config: pytest.Config) -> None:
    """Name the mark."""
    config.addinivalue_line("markers", "smoke: runs with `make test` although its suite is a long one")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long suites to `make chaos` and `make browser`, but for their smoke."""
    if not config.getoption("--smoke"):
        return
    left_out = [item for item in items if _is_long(item.path) and item.get_closest_marker("smoke") is None]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def postgres_and_kafka() -> Iterator[Stack]:
    """PostgreSQL with the four databases and one Kafka node; a test that kills one starts it again."""
    with running(SERVERS) as stack:
        yield stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Everything: servers, the far side, the four services."""
    with running() as stack:
        yield stack


def _is_long(path: Path) -> bool:
    return any(name in path.parts for name in _LONG_SUITES)
