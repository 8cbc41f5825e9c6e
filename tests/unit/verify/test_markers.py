import base64

import pytest

from tools.verify.markers import by_markers, by_shape

NIK, NAME = b"3216061501900001", b"CONTOH SATU"


def find(content: bytes) -> list[str]:
    return sorted(by_markers([NIK, NAME])(content))


@pytest.mark.parametrize("before", [b"", b"x", b"xy", b"xyz"])
def test_a_marker_is_found_in_base64_at_any_place(before: bytes) -> None:
    assert find(b"sealed=" + base64.b64encode(before + NIK + b"rest")) == ["marker 0 in hex or base64"]


def test_a_marker_is_found_in_clear_in_any_case() -> None:
    assert find(b'{"name":"Contoh Satu"}') == ["marker 1 in clear"]


def test_a_marker_is_found_in_hex() -> None:
    assert find(NIK.hex().encode()) == ["marker 0 in hex or base64"]
    assert find(NIK.hex().upper().encode()) == ["marker 0 in hex or base64"]


def test_a_name_with_a_space_is_found_in_base64() -> None:
    assert find(base64.b64encode(b"xx" + NAME)) == ["marker 1 in hex or base64"]


def test_clean_bytes_hold_no_marker() -> None:
    assert find(b"3216061501900002 CONTOH DUA " + bytes(range(256))) == []


def test_many_markers_are_found_at_the_price_of_a_few() -> None:
    markers = [f"32160615{number:08d}".encode() for number in range(2000)]

    assert list(by_markers(markers)(b" ".join(markers[7:9]))) == ["marker 7 in clear", "marker 8 in clear"]


def test_a_short_marker_is_refused_because_it_matches_by_chance() -> None:
    with pytest.raises(ValueError, match="by chance"):
        by_markers([b"BUDI"])


@pytest.mark.parametrize("clear", [b'"nik":"3216061501900001"', b"nik 3216065501900001,"])
def test_a_number_shaped_like_a_nik_is_found_without_markers(clear: bytes) -> None:
    assert list(by_shape(clear)) == ["1 numbers of sixteen digits shaped like a NIK"]


@pytest.mark.parametrize(
    "other",
    [
        b"1764039600123456789",
        b"00-3216061501900001-01",
        b"a3216061501900001",
        b"0.3216061501900001",
        b"3216069901900001",
    ],
)
def test_timestamps_ids_and_fractions_are_not_taken_for_a_nik(other: bytes) -> None:
    assert list(by_shape(other)) == []
