"""Answers as people read them on a terminal."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(\.\d+)?(Z|\+00:00)")
_NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer, whole for `--json`, and the lines that say the same."""

    answer: Any
    lines: Sequence[str]


def table(columns: Mapping[str, str], items: Sequence[Mapping[str, Any]], empty: str) -> list[str]:
    """Lay items out under headings; `columns` maps a heading to a field, inner ones with a dot."""
    if not items:
        return [empty]
    rows = [list(columns), *([word(field_of(item, path)) for path in columns.values()] for item in items)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(columns))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def field_of(item: Mapping[str, Any], path: str) -> Any:
    """Read a field; absent ones are nothing."""
    value: Any = item
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def word(value: Any) -> str:
    """Write one value short; moments to the second, in UTC."""
    if value is None or value in ([], {}, ""):
        return _NOTHING
    if isinstance(value, Mapping):
        return " ".join(f"{name} {word(one)}" for name, one in value.items())
    if isinstance(value, list):
        return " ".join(word(one) for one in value)
    text = str(value)
    moment = _MOMENT.fullmatch(text)
    return f"{moment[1]} {moment[2]}Z" if moment else text
