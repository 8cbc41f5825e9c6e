"""Whether a capture is good enough, said while the person still sits in the chair."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


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


@dataclass(frozen=True, slots=True)
class Kept:
    """What was answered for a packet."""

    digest: str
    size: int
    accepted_at: datetime
    quality: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCapture:
    recording_id: UUID
    packet_version: int
    dataref: str
    captured_at: datetime
    manifest: dict[str, Any]
    kept: Kept


def advise(scores: Sequence[tuple[Modality, int]], floors: Mapping[Modality, int]) -> list[Quality]:
    """Compare each score with its floor; advice only, the officer decides."""
    return [_judged(modality, score, floors.get(modality, 0)) for modality, score in scores]


def _judged(modality: Modality, score: int, floor: int) -> Quality:
    return Quality(modality, score, floor, Advice.OK if score >= floor else Advice.RETAKE)
