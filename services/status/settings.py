"""What status is told by its environment beside what every service is told."""

from pydantic import Field, SecretStr

from shared.settings import ServiceSettings


class StatusSettings(ServiceSettings):
    """Settings of the status service."""

    check_key: SecretStr = Field(SecretStr(""), description="Hex key of the residents' check HMAC.")
    patience_minutes: float = Field(
        30, gt=0, description="How long people who need the centre at once are asked to wait before going home."
    )
