from pathlib import Path

from pydantic import Field, SecretStr, field_validator

from services.intake.domain.captures import Modality
from shared.settings import ServiceSettings


class IntakeSettings(ServiceSettings):
    """What intake is told beside what every service is told."""

    store_dir: Path = Field(description="Folder of the packet store that intake and recording mount.")
    centre_sealing_key_file: Path = Field(description="Public key of the centre; identities are sealed to it.")
    contact_sealing_key_file: Path = Field(description="Public key of notification; contacts are sealed to it.")
    blind_index_keys: SecretStr = Field(description="`1:hex,2:hex`; the newest writes, every version is looked up.")
    check_key: SecretStr = Field(description="Hex key of HMAC(receipt | birth date), shared with status.")
    spool_reserve_bytes: int = Field(256 << 20, ge=0, description="Room on the store's disk that is never used.")
    kept_days: int = Field(14, ge=1, description="How long a kept place stays valid.")
    traveller_days: int = Field(7, ge=0, description="Who leaves within so many days is a traveller.")
    closing_hour: int = Field(
        16, ge=0, le=24, description="Office time at which open tickets become kept; 24: midnight."
    )
    orphan_age_seconds: float = Field(3600, ge=60, description="Age at which stored bytes no row names are removed.")
    quality_floors: dict[Modality, int] = Field(
        default={Modality.PHOTO: 70, Modality.SIGNATURE: 50, Modality.FINGERPRINTS: 60, Modality.IRISES: 60},
        description="Score below which a modality should be taken again.",
    )

    @field_validator("blind_index_keys")
    @classmethod
    def _is_versioned(cls, keys: SecretStr) -> SecretStr:
        blind_keys(keys.get_secret_value())
        return keys


def blind_keys(text: str) -> dict[int, bytes]:
    """Read `1:hex,2:hex`; raises `ValueError` without quoting a key."""
    try:
        keys = {int(version): bytes.fromhex(key) for version, key in (one.split(":") for one in text.split(","))}
    except ValueError:
        raise ValueError("must be like 1:hex,2:hex") from None
    if any(len(key) < 32 for key in keys.values()):  # noqa: PLR2004  the size of a SHA-256 key
        raise ValueError("each key must have at least 32 bytes")
    return keys
