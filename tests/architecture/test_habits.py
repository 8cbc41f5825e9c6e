"""Remarks that were made twice and are rules now."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, Source, plant, sources

_EMPTY_NAMES = re.compile(r"(Manager|Handler|Processor|Helper|Impl|Dto|DTO|Utils?)$")
# A pause that collects is no wait for something to happen; it is shorter than a stop notices.
_COLLECTING = {"services/intake/loops.py": "milliseconds in which arrivals gather for one transaction"}
_DEBT = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def environment_readers(root: Path) -> Iterator[str]:
    """Name the places outside the settings that read the environment."""
    for source in sources("services", "shared", root=root):
        if source.path.name == "settings.py":
            continue
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.getenv"):
                yield source.at(node)


def ownerless_tasks(root: Path) -> Iterator[str]:
    """Name the tasks that no TaskGroup owns."""
    for source in sources("services", "shared", "tools", root=root):
        groups = set(_task_groups(source))
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                is_task = node.func.attr in ("create_task", "ensure_future")
                if is_task and ast.unparse(node.func.value) not in groups:
                    yield source.at(node)


def empty_names(root: Path) -> Iterator[str]:
    """Name the classes whose name says that something is done to something."""
    for source in sources("services", "shared", "tools", "bench", root=root):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef) and _EMPTY_NAMES.search(node.name):
                yield f"{source.at(node)} {node.name}"


def left_for_later(root: Path) -> Iterator[str]:
    """Name the lines that promise what is not there."""
    for source in sources("services", "shared", "tools", "bench", root=root):
        for number, line in enumerate(source.text.splitlines(), 1):
            if _DEBT.search(line):
                yield f"{source.path}:{number}"


def sleeps_in_loops(root: Path) -> Iterator[str]:
    """Name the sleeps of services and shared: a wait there ends with the stop too (`rest_unless`).

    In an api a request may look again until its own short deadline.
    """
    for source in sources("services", "shared", root=root):
        if source.room == "api" or str(source.path) in _COLLECTING:
            continue
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("asyncio.sleep", "time.sleep"):
                yield source.at(node)


def test_the_environment_is_read_in_the_settings_alone() -> None:
    assert "\n".join(environment_readers(ROOT)) == ""


def test_every_task_has_an_owner() -> None:
    assert "\n".join(ownerless_tasks(ROOT)) == ""


def test_no_class_has_an_empty_name() -> None:
    assert "\n".join(empty_names(ROOT)) == ""


def test_nothing_is_left_for_later_in_the_code() -> None:
    assert "\n".join(left_for_later(ROOT)) == ""


def test_no_service_sleeps_through_its_stop() -> None:
    assert "\n".join(sleeps_in_loops(ROOT)) == ""


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        (environment_readers, "import os\ndsn = os.environ['DSN']\n"),
        (ownerless_tasks, "import asyncio\nasyncio.create_task(work())\n"),
        (ownerless_tasks, "loop.create_task(work())\n"),
        (empty_names, "class StageManager: ...\n"),
        (left_for_later, "done = False  # TODO\n"),
        (sleeps_in_loops, "import asyncio\nasync def rest(): await asyncio.sleep(1)\n"),
    ],
)
def test_a_broken_habit_is_found(tmp_path: Path, rule: Callable[[Path], Iterator[str]], line: str) -> None:
    plant(tmp_path, "shared/new.py", line)

    assert len(list(rule(tmp_path))) == 1


def _task_groups(source: Source) -> Iterator[str]:
    arguments = [node for node in ast.walk(source.tree) if isinstance(node, ast.arg)]
    given = [argument.arg for argument in arguments if _says_task_group(argument.annotation)]
    yield from given
    for node in ast.walk(source.tree):
        if isinstance(node, ast.withitem) and ast.unparse(node.context_expr) == "asyncio.TaskGroup()":
            yield ast.unparse(node.optional_vars) if node.optional_vars else ""
        if isinstance(node, ast.AnnAssign) and _says_task_group(node.annotation):
            yield ast.unparse(node.target)
        if isinstance(node, ast.Assign) and ast.unparse(node.value) in ("asyncio.TaskGroup()", *given):
            yield from (ast.unparse(target) for target in node.targets)


def _says_task_group(annotation: ast.expr | None) -> bool:
    return annotation is not None and ast.unparse(annotation).strip("'\"") == "asyncio.TaskGroup"
