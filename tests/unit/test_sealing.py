"""What is sealed opens for its key under its label, and for nothing else."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest

from shared.sealing import CannotOpen, Label, OpeningKey, SealingKey, open_sealed, seal, sealed_to
from tools.keys import write_all

LABEL = Label(UUID("0190a5c0-0000-7000-8000-000000000001"), "32.16.06", 1, "packet")
KEY = OpeningKey.generate()


@pytest.mark.parametrize("plain", [b"", b"CONTOH SATU", b"\x00" * 300_000])
def test_what_is_sealed_opens_again(plain: bytes) -> None:
    assert open_sealed(KEY, LABEL, seal(KEY.sealing_key(), LABEL, plain)) == plain


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(LABEL, recording_id=UUID(int=2)),
        dataclasses.replace(LABEL, office="32.16.07"),
        dataclasses.replace(LABEL, packet_version=2),
        dataclasses.replace(LABEL, kind="identity"),
    ],
    ids=["recording", "office", "version", "kind"],
)
def test_a_packet_cannot_be_passed_off_under_another_label(other: Label) -> None:
    sealed = seal(KEY.sealing_key(), LABEL, b"CONTOH SATU")

    with pytest.raises(CannotOpen):
        open_sealed(KEY, other, sealed)


def test_another_key_opens_nothing_even_when_it_claims_the_same_id() -> None:
    impostor = dataclasses.replace(OpeningKey.generate(), key_id=KEY.key_id)

    with pytest.raises(CannotOpen):
        open_sealed(impostor, LABEL, seal(KEY.sealing_key(), LABEL, b"CONTOH SATU"))


def test_every_changed_byte_and_every_cut_is_noticed() -> None:
    sealed = seal(KEY.sealing_key(), LABEL, b"CONTOH SATU")

    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        for wrong in (changed, sealed[:place]):
            with pytest.raises(CannotOpen):
                open_sealed(KEY, LABEL, wrong)


def test_sealed_bytes_name_their_key_and_show_nothing_of_their_content() -> None:
    sealed = seal(KEY.sealing_key(), LABEL, b"CONTOH SATU")

    assert sealed_to(sealed) == KEY.key_id
    assert b"CONTOH" not in sealed


def test_two_seals_of_one_content_differ() -> None:
    assert seal(KEY.sealing_key(), LABEL, b"CONTOH") != seal(KEY.sealing_key(), LABEL, b"CONTOH")


def test_the_bytes_are_those_of_the_contract() -> None:
    sealed = seal(KEY.sealing_key(), LABEL, b"CONTOH")

    assert sealed[:6] == b"RKSL\x01\x10"
    assert sealed[6:22].decode() == KEY.key_id
    assert sealed[22:26] == b"\x00\x20\x00\x30"
    assert len(sealed) == 134 + len(b"CONTOH")


def test_threads_may_seal_at_once() -> None:
    public = KEY.sealing_key()
    contents = [f"CONTOH {number}".encode() for number in range(200)]

    with ThreadPoolExecutor(8) as pool:
        sealed = list(pool.map(lambda content: seal(public, LABEL, content), contents))

    assert [open_sealed(KEY, LABEL, one) for one in sealed] == contents


def test_keys_survive_a_second_setup_and_stay_private(tmp_path: Path) -> None:
    write_all(tmp_path)
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    write_all(tmp_path)

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first
    private = [path for path in tmp_path.iterdir() if path.suffix == ".key" or "private" in path.name]
    assert {path.stat().st_mode & 0o777 for path in [*private, tmp_path / "secrets.json"]} == {0o600}


def test_a_published_key_seals_for_the_private_file(tmp_path: Path) -> None:
    write_all(tmp_path)
    published = SealingKey.from_file(tmp_path / "contact_sealing.public.json").to_json()

    sealed = seal(SealingKey.from_json(published), LABEL, b"CONTOH")

    assert "d" not in published
    assert open_sealed(OpeningKey.from_file(tmp_path / "contact_sealing.private.json"), LABEL, sealed) == b"CONTOH"
