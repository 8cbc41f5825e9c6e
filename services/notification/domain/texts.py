"""Texts with placeholders: refused at start when one is missing or unknown, a line with an unknown value left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter

from shared.events.situation import Situation

LANGUAGES = ("id", "en")
# What each text must hold, and what it may.
_MUST = {
    Situation.ARRIVED: {"kec", "no", "kode"},
    Situation.SAVED_HERE: {"kec", "tgl"},
    Situation.AT_CENTRE: {"kec", "tgl", "tgl2"},
    Situation.CARD_READY: {"kec"},
}
_MAY = {Situation.ARRIVED: {"jam"}}
_ANYWHERE = {"k"}


class TextRefused(Exception):
    """A text lacks a placeholder it must hold, or holds one that nobody fills."""


@dataclass(frozen=True, slots=True)
class Text:
    """One message in one language; each line stands by itself."""

    version: int
    subject: str
    lines: tuple[str, ...]


Texts = Mapping[tuple[Situation, str], Text]


@dataclass(frozen=True, slots=True)
class Written:
    """A message ready to be sent."""

    subject: str
    body: str


def check(texts: Texts) -> None:
    """Refuse texts that are incomplete; raises `TextRefused` naming situation, language and placeholder."""
    for situation, must in _MUST.items():
        versions = set()
        for language in LANGUAGES:
            text = texts.get((situation, language))
            if text is None:
                raise TextRefused(f"{situation} has no text in {language}")
            versions.add(text.version)
            _check_one(f"{situation} in {language}", text, must, must | _MAY.get(situation, set()) | _ANYWHERE)
        if len(versions) > 1:
            raise TextRefused(f"{situation} has different versions in its languages")


def write(text: Text, values: Mapping[str, str | None]) -> Written:
    """Fill a text; a line that needs an unknown value is left out."""
    known = {name: value for name, value in values.items() if value is not None}
    subject = next(line for line in (text.subject, text.subject.partition(" (")[0]) if _holds(line) <= known.keys())
    lines = [line.format_map(known) for line in text.lines if _holds(line) <= known.keys()]
    return Written(subject.format_map(known), "\n".join(lines) + "\n")


def _check_one(name: str, text: Text, must: set[str], may: set[str]) -> None:
    held = _holds(text.subject).union(*map(_holds, text.lines))
    if missing := must - held:
        raise TextRefused(f"{name} lacks {sorted(missing)}")
    if unknown := held - may:
        raise TextRefused(f"{name} holds {sorted(unknown)}, which nobody fills")
    if not _holds(text.subject.partition(" (")[0]) <= {"kec"}:
        raise TextRefused(f"{name}: the subject may hold only kec, and k in brackets")


def _holds(line: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(line) if name is not None}
