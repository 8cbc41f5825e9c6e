"""The offices of this installation: code, name and time zone, from one file that every service reads at start."""

from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson


@dataclass(frozen=True, slots=True)
class Office:
    """A kecamatan office; `code` is `PP.RR.KK`, its regency the first five characters."""

    code: str
    name: str
    regency: str
    regency_name: str
    zone: ZoneInfo


def read_offices(file: Path) -> dict[str, Office]:
    """Read the offices by code; raises `OSError` or `ValueError` when the file is missing or malformed."""
    rows = orjson.loads(file.read_bytes())
    return {row["code"]: Office(**{**row, "zone": ZoneInfo(row["zone"])}) for row in rows}
