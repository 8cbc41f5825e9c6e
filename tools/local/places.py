"""Where the local stack keeps its things."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy" / "local"
LOCAL = ROOT / ".local"


def cache() -> Path:
    """Name the place of what is fetched once and outlives every run; `REKAM_CACHE_DIR` moves it."""
    return Path(os.environ.get("REKAM_CACHE_DIR") or LOCAL / "cache").resolve()
