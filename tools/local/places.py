"""Where the local stack keeps its things."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy" / "local"
LOCAL = ROOT / ".local"


def cache() -> Path:
    """Name the place of what is fetched once and outlives every run; `REKAM_CACHE_DIR` moves it."""
    return Path(os.environ.get("REKAM_CACHE_DIR") or LOCAL / "cache").resolve()


def run_folder() -> Path:
    """Where the running stack keeps its data and logs: `REKAM_RUN_DIR`, or the place of `make up`."""
    return Path(os.environ.get("REKAM_RUN_DIR") or LOCAL / "up").resolve()


def endpoints_file() -> Path:
    """Where the running stack wrote its addresses."""
    return run_folder().parent / "endpoints.json"
