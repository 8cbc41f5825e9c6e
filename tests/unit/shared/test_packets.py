"""What is accepted is on the disk, whole, or it is not accepted."""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.packets import PacketMissing, PacketStore, SpoolFull, digest_of


@pytest.fixture
def store(tmp_path: Path) -> PacketStore:
    return PacketStore(tmp_path / "store", reserve_bytes=0)


def test_what_was_put_is_read_again(store: PacketStore) -> None:
    dataref = store.put("captures", [b"sealed ", b"bytes"])

    assert store.read(dataref, digest_of(b"sealed bytes")) == b"sealed bytes"
    assert store.segments(older_than_seconds=-1) == [dataref]


def test_small_objects_share_a_file_and_are_read_one_by_one(store: PacketStore) -> None:
    objects = [b"one", b"", b"three"]

    datarefs = store.put_many("identities", objects)

    assert [store.read(ref, digest_of(content)) for ref, content in zip(datarefs, objects, strict=True)] == objects
    assert len(store.segments(older_than_seconds=-1)) == 1


def test_a_damaged_object_is_found_by_its_digest(store: PacketStore, tmp_path: Path) -> None:
    dataref = store.put("captures", [b"sealed bytes"])
    (tmp_path / "store" / dataref).write_bytes(b"sealed bytEs")

    with pytest.raises(PacketMissing, match="digest differs"):
        store.read(dataref, digest_of(b"sealed bytes"))


@pytest.mark.parametrize("dataref", ["captures/none", "captures", "a#b+c", "a#1", "a\x00b", ""])
def test_what_is_not_there_is_missing(store: PacketStore, dataref: str) -> None:
    with pytest.raises(PacketMissing):
        store.read(dataref, digest_of(b""))


@pytest.mark.parametrize("path", ["../outside", "captures/../../outside", "/etc/hostname"])
def test_no_path_leads_out_of_the_store(store: PacketStore, tmp_path: Path, path: str) -> None:
    (tmp_path / "outside").write_bytes(b"secret")

    with pytest.raises(PacketMissing):
        store.read(path, digest_of(b"secret"))
    with pytest.raises(PacketMissing):
        store.remove(path)

    assert (tmp_path / "outside").exists()


def test_a_disk_below_its_reserve_takes_nothing(tmp_path: Path) -> None:
    store = PacketStore(tmp_path, reserve_bytes=2**62)

    with pytest.raises(SpoolFull):
        store.put("captures", [b"sealed bytes"])

    assert (store.free_bytes(), files_in(tmp_path)) == (0, [])


def test_a_disk_that_fills_in_mid_write_keeps_no_half(store: PacketStore, tmp_path: Path) -> None:
    with files_limited_to(64 * 1024), pytest.raises(SpoolFull):
        store.put("captures", [b"x" * 50_000] * 3)

    assert files_in(tmp_path) == []
    assert store.put("captures", [b"x" * 150_000])


def test_a_sender_that_breaks_off_leaves_no_half(store: PacketStore, tmp_path: Path) -> None:
    def parts() -> Iterator[bytes]:
        yield b"first half"
        raise ConnectionAbortedError

    with pytest.raises(SpoolFull):
        store.put("captures", parts())
    with pytest.raises(ZeroDivisionError):
        store.put("captures", (bytes([1 // zero]) for zero in (1, 0)))

    assert files_in(tmp_path) == []


def test_bytes_are_synced_before_the_name_and_the_name_before_the_answer(
    store: PacketStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = recorded_syncs(monkeypatch)

    dataref = store.put("captures", [b"sealed bytes"])

    folder = (tmp_path / "store" / dataref).parent
    assert synced == [folder.parent, tmp_path / "store", folder / f"{Path(dataref).name}.part", folder]


def test_many_small_objects_cost_one_sync_of_the_file(store: PacketStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("identities", [b"the folder exists"])
    synced = recorded_syncs(monkeypatch)

    store.put_many("identities", [b"small"] * 100)

    assert len(synced) == 2


def recorded_syncs(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    synced: list[Path] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return synced


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
