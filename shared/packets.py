"""The store of sealed bytes that intake writes and recording reads; it cannot open any of them.

Durable before the row commits: write, fsync, rename, fsync the folder (ADR 0006). A `dataref` is a path below the
store's root; small objects share one segment file, `path#offset+length`, so that a batch costs one fsync.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import time

from shared.clock import now
from shared.ids import uuid7

DIGEST_PREFIX = "sha-256:"


class SpoolFull(Exception):
    """There is not enough room to keep another packet safely."""


class PacketMissing(Exception):
    """The store has no bytes under this dataref, or other bytes than were promised."""


class PacketStore:
    """A folder; blocking, so callers go through `asyncio.to_thread`."""

    def __init__(self, root: Path, *, reserve_bytes: int = 256 * 1024 * 1024) -> None:
        self._root = root
        self._reserve = reserve_bytes
        self._synced: set[Path] = set()
        root.mkdir(parents=True, exist_ok=True)

    def free_bytes(self) -> int:
        """Tell how much room is left above the reserve."""
        return max(0, shutil.disk_usage(self._root).free - self._reserve)

    def put(self, kind: str, parts: Iterable[bytes]) -> str:
        """Keep one object durably and give its dataref; raises `SpoolFull` and leaves nothing half-written."""
        final = self._root / kind / f"{now():%Y-%m-%d}" / str(uuid7())
        temporary = final.with_suffix(".part")
        if self.free_bytes() == 0:
            raise SpoolFull
        try:
            self._make_folder(final.parent)
            _write(temporary, parts)
            temporary.rename(final)
            _sync_folder(final.parent)
        except BaseException as error:
            for half in (temporary, final):
                half.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise SpoolFull from error
            raise
        return str(final.relative_to(self._root))

    def put_many(self, kind: str, objects: Sequence[bytes]) -> list[str]:
        """Keep small objects in one segment, with one fsync for all."""
        segment = self.put(kind, objects)
        references, offset = [], 0
        for one in objects:
            references.append(f"{segment}#{offset}+{len(one)}")
            offset += len(one)
        return references

    def read(self, dataref: str, digest: str) -> bytes:
        """Read an object and check it; raises `PacketMissing` when it is gone or damaged."""
        path, _, place = dataref.partition("#")
        try:
            with self._inside(path).open("rb") as file:
                if place:
                    offset, length = (int(part) for part in place.split("+"))
                    file.seek(offset)
                    content = file.read(length)
                else:
                    content = file.read()
        except (OSError, ValueError) as error:
            raise PacketMissing(type(error).__name__) from error
        if digest_of(content) != digest:
            raise PacketMissing("digest differs")
        return content

    def segments(self, older_than_seconds: float) -> list[str]:
        """List files last written before that age; a sweep compares them with the rows that name them."""
        limit = time() - older_than_seconds
        files = (file for file in self._root.rglob("*") if file.is_file())
        return [str(file.relative_to(self._root)) for file in files if file.stat().st_mtime <= limit]

    def remove(self, path: str) -> None:
        """Forget a file that no row names."""
        self._inside(path).unlink(missing_ok=True)

    def _make_folder(self, folder: Path) -> None:
        # A folder found is not yet a folder synced: another thread may just have made it.
        if folder in self._synced and folder.exists():
            return
        folder.mkdir(parents=True, exist_ok=True)
        for parent in (folder.parent, self._root):
            _sync_folder(parent)
        self._synced.add(folder)

    def _inside(self, path: str) -> Path:
        if path.startswith("/") or ".." in path.split("/"):
            raise PacketMissing("outside the store")
        return self._root / path


def digest_of(content: bytes) -> str:
    """Give SHA-256 as `sha-256:<hex>`."""
    return DIGEST_PREFIX + hashlib.sha256(content).hexdigest()


def _write(path: Path, parts: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
