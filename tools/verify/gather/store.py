"""The packet store: whether it gives back what the rows promise, and holds what no row names."""

from collections.abc import Iterable
from pathlib import Path

from shared.packets import PacketMissing, PacketStore
from tools.verify.seen import Kept, Stored

_ORPHANED_AFTER_SECONDS = 3600.0


def read_store(folder: Path, kept: Iterable[Kept]) -> Stored:
    """Read and digest every object that is named, and look for old ones that are not (blocking)."""
    store = PacketStore(folder)
    promised = {one.dataref: one.digest for one in kept}
    named = {dataref.partition("#")[0] for dataref in promised}
    orphans = [path for path in store.segments(_ORPHANED_AFTER_SECONDS) if path not in named]
    unreadable = (dataref for dataref, digest in promised.items() if not _is_there(store, dataref, digest))
    return Stored(objects=len(promised), unreadable=frozenset(unreadable), orphans=tuple(sorted(orphans)))


def _is_there(store: PacketStore, dataref: str, digest: str) -> bool:
    try:
        store.read(dataref, digest)
    except PacketMissing:
        return False
    return True
