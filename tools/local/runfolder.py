"""The folder of one run: who owns it, which processes belong to it, and what a dead owner left behind."""

import fcntl
import json
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO

from tools.local.processes import Child, kill_stray

_PROBED_SECONDS = 0.5


class AlreadyRuns(Exception):
    """Another process owns this run folder."""

    def __init__(self, owner: int) -> None:
        super().__init__(f"the stack of this folder already runs (process {owner})")
        self.owner = owner


class RunFolder:
    """A lock held as long as the owner lives, and beside it the list of its processes.

    The kernel drops the lock with the owner, however it dies: a list without a lock is a list of strays.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[str] | None = None

    def take(self) -> None:
        """Become the owner, and end what a dead owner left in this folder and in the ones beside it."""
        self.path.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + _PROBED_SECONDS
        while (lock := _locked(self.path)) is None and time.monotonic() < deadline:
            time.sleep(0.05)  # somebody may only be asking who owns it
        self._lock = lock
        if lock is None:
            raise AlreadyRuns(owner_of(self.path) or 0)
        _end_strays(self.path)
        for beside in self.path.parent.glob("*/state.json"):
            if beside.parent != self.path:
                _sweep(beside.parent)
        self.note([])

    def note(self, children: Iterable[Child]) -> None:
        """Write down which processes are ours, before anything can go wrong with us."""
        mine = [{"name": c.part.name, "pid": c.process.pid, "started": c.started} for c in children]
        draft = self.path / f"state.json.{os.getpid()}"
        draft.write_text(json.dumps({"owner": os.getpid(), "children": mine}, indent=1))
        draft.replace(self.path / "state.json")

    def release(self) -> None:
        """Stop being the owner; everything was stopped before."""
        if self._lock is not None:
            (self.path / "state.json").unlink(missing_ok=True)
            self._lock.close()
            self._lock = None


def owner_of(folder: Path) -> int | None:
    """Find the living process that owns this folder, if any."""
    if not (folder / "lock").exists():
        return None
    lock = _locked(folder)
    if lock is not None:
        lock.close()
        return None
    with suppress(FileNotFoundError, ValueError):
        return int(json.loads((folder / "state.json").read_text())["owner"])
    return 0


def children_of(folder: Path) -> dict[str, int]:
    """Name and pid of what the owner of this folder says it started."""
    with suppress(FileNotFoundError, ValueError):
        return {c["name"]: c["pid"] for c in json.loads((folder / "state.json").read_text())["children"]}
    return {}


def _sweep(folder: Path) -> None:
    lock = _locked(folder)
    if lock is not None:
        _end_strays(folder)
        lock.close()


def _end_strays(folder: Path) -> None:
    with suppress(FileNotFoundError, ValueError):
        for child in json.loads((folder / "state.json").read_text())["children"]:
            kill_stray(child["pid"], child["started"])
        (folder / "state.json").unlink()


def _locked(folder: Path) -> IO[str] | None:
    lock = (folder / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock
