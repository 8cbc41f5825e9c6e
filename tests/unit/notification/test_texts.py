import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.notification import app
from services.notification.domain.sending import (
    Backoff,
    Broken,
    Later,
    MessageState,
    Refused,
    Result,
    Took,
    Unaddressed,
    judge,
)
from services.notification.domain.texts import TextRefused, write
from shared.events.situation import Situation

_TEXTS = Path(app.__file__).with_name("texts")
_NEVER = ("diterima", "terkirim", "ditolak", "gagal", "error", "diparkir", "sinkronisasi", "data ganda", "rekam ulang")
_NOW = datetime(2026, 11, 25, tzinfo=UTC)
_BACKOFF = Backoff(timedelta(seconds=5), timedelta(seconds=60), timedelta(hours=72))


def test_no_text_says_a_word_that_frightens() -> None:
    for text in app.read_texts(_TEXTS).values():
        said = " ".join((text.subject, *text.lines)).lower()
        assert not [word for word in _NEVER if re.search(rf"\b{word}\b", said)]


@pytest.mark.parametrize(
    ("there", "instead", "says"),
    [
        ("{no}", "satu", r"arrived in id lacks \['no'\]"),
        ("{tgl2}", "{tgl3}", r"at_centre in id lacks \['tgl2'\]"),
        ("Gratis.", "Gratis, {nama}.", r"card_ready in id holds \['nama'\]"),
        ("version = 1", "version = 2", "different versions"),
    ],
)
def test_a_text_that_is_not_whole_is_refused_at_start(tmp_path: Path, there: str, instead: str, says: str) -> None:
    shutil.copytree(_TEXTS, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "id.toml"
    file.write_text(file.read_text().replace(there, instead))

    with pytest.raises(TextRefused, match=says):
        app.read_texts(tmp_path)


def test_a_line_whose_value_is_not_known_is_left_out() -> None:
    text = app.read_texts(_TEXTS)[Situation.ARRIVED, "id"]

    written = write(text, {"kec": "Tambun Selatan", "no": "A-031", "kode": None})

    assert written.body == "Anda terdaftar di Tambun Selatan. Nomor antrean A-031.\nLayanan ini gratis.\n"


def test_a_subject_without_a_known_receipt_ends_before_the_bracket() -> None:
    text = app.read_texts(_TEXTS)[Situation.CARD_READY, "en"]

    assert write(text, {"kec": "Babelan", "k": None}).subject == "e-KTP Babelan: your card is ready"
    assert write(text, {"kec": "Babelan", "k": "9QPX-R"}).subject == "e-KTP Babelan: your card is ready (9QPX-R)"


@pytest.mark.parametrize(
    ("result", "state"),
    [
        (Took(), MessageState.SENT),
        (Refused("smtp_550"), MessageState.PERMANENT_FAILURE),
        (Broken("contact_does_not_open"), MessageState.TECHNICAL_FAILURE),
        (Unaddressed(), MessageState.SUPPRESSED),
        (Later("unreachable"), MessageState.TEMPORARY_FAILURE),
    ],
)
def test_each_end_of_a_try_has_its_state(result: Result, state: MessageState) -> None:
    verdict = judge(result, created_at=_NOW, attempts=1, now=_NOW, backoff=_BACKOFF, dice=0.5)

    assert verdict.state is state
    assert (verdict.due_at is not None) is (state is MessageState.TEMPORARY_FAILURE)


def test_waits_double_up_to_the_cap_and_end_with_age() -> None:
    waits = [(_BACKOFF.next_try(_NOW, attempts, 1.0) - _NOW).total_seconds() for attempts in (1, 2, 3, 9)]
    old = judge(
        Later("unreachable"), created_at=_NOW - timedelta(days=3), attempts=9, now=_NOW, backoff=_BACKOFF, dice=0
    )

    assert waits == [5, 10, 20, 60]
    assert old.state is MessageState.PERMANENT_FAILURE
