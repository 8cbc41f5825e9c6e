"""Whether a capture is good enough, said while the person still sits in the chair."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Modality(StrEnum):
    PHOTO = "photo"
    SIGNATURE = "signature"
    FINGERPRINTS = "fingerprints"
    IRISES = "irises"


class Advice(StrEnum):
    OK = "ok"
    RETAKE = "retake"


@dataclass(frozen=True, slots=True)
class Quality:
    modality: Modality
    score: int
    floor: int
    advice: Advice


def advise(scores: Sequence[tuple[Modality, int]], floors: Mapping[str, int]) -> list[Quality]:
    """Compare each score with its floor; advice only, the officer decides."""
    return [_judged(modality, score, floors.get(modality, 0)) for modality, score in scores]


def _judged(modality: Modality, score: int, floor: int) -> Quality:
    return Quality(modality, score, floor, Advice.OK if score >= floor else Advice.RETAKE)
