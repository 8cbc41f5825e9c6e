"""A file that outgrows 300 lines or a function that outgrows 40 holds two things; each exception has its reason."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.architecture.tree import ROOT, plant, sources

_FILE_LINES = 300
_FUNCTION_LINES = 40
_SHARED_SHARE = 0.25
_OURS = ("services", "shared", "tools", "tests", "bench")

# path or path:function, and why it may be longer
_EXCEPTIONS: dict[str, str] = {}


def long_files(root: Path) -> Iterator[str]:
    """Name the files over 300 lines."""
    for source in sources(*_OURS, root=root):
        if source.text.count("\n") > _FILE_LINES and str(source.path) not in _EXCEPTIONS:
            yield f"{source.path}: {source.text.count(chr(10))} lines"


def long_functions(root: Path) -> Iterator[str]:
    """Name the functions over 40 lines; a function inside another counts for itself, as a method does."""
    for source in sources(*_OURS, root=root):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = _own_lines(node)
                if lines > _FUNCTION_LINES and f"{source.path}:{node.name}" not in _EXCEPTIONS:
                    yield f"{source.at(node)} {node.name}: {lines} lines"


def share_of_shared(root: Path) -> float:
    """Tell which part of the code in services and shared lies in shared."""
    shared = sum(source.code_lines for source in sources("shared", root=root))
    services = sum(source.code_lines for source in sources("services", root=root))
    return shared / (shared + services)


def test_no_file_is_longer_than_300_lines() -> None:
    assert "\n".join(long_files(ROOT)) == ""


def test_no_function_is_longer_than_40_lines() -> None:
    assert "\n".join(long_functions(ROOT)) == ""


def test_shared_is_at_most_a_quarter_of_the_code() -> None:
    assert share_of_shared(ROOT) <= _SHARED_SHARE


def test_every_exception_is_needed_and_has_a_reason() -> None:
    assert all(_EXCEPTIONS.values())
    assert all((ROOT / place.partition(":")[0]).exists() for place in _EXCEPTIONS)


def test_a_long_file_and_a_long_function_are_found(tmp_path: Path) -> None:
    body = "    pass\n" * (_FUNCTION_LINES + 1)

    plant(tmp_path, "shared/long.py", f"def endless():\n{body}" + "\n" * _FILE_LINES)

    assert len(list(long_files(tmp_path))) == 1
    assert list(long_functions(tmp_path)) == ["shared/long.py:1 endless: 42 lines"]


def test_a_function_full_of_small_ones_is_no_long_function(tmp_path: Path) -> None:
    route = "    @router.get('/x')\n    def show():\n        return 1\n"

    plant(tmp_path, "services/intake/api.py", "def routes(router):\n" + route * _FUNCTION_LINES)

    assert list(long_functions(tmp_path)) == []


def test_a_shared_that_grew_too_large_is_found(tmp_path: Path) -> None:
    plant(tmp_path, "shared/much.py", "# a comment\n\nA = 1\nB = 2\n")
    plant(tmp_path, "services/intake/little.py", "C = 3\nD = 4\n")

    assert share_of_shared(tmp_path) == 0.5


def _own_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    within = [node for node in ast.walk(function) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    direct = [node for node in within if node is not function and not _is_deeper(node, within, function)]
    return _lines(function) - sum(_lines(node) for node in direct)


def _is_deeper(node: ast.AST, within: Sequence[ast.AST], function: ast.AST) -> bool:
    others = (other for other in within if other not in (node, function))
    return any(node in ast.walk(other) for other in others)


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return (node.end_lineno or 0) - first + 1
