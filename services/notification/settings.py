"""What notification is told by its environment beside what every service is told."""

from pathlib import Path

from pydantic import Field

from shared.settings import ServiceSettings


class NotificationSettings(ServiceSettings):
    """Settings of the notification service."""

    contact_opening_key_file: Path = Field(description="Private key that opens contacts; no other service has it.")
    smtp_host: str = Field("127.0.0.1", description="Mail server.")
    smtp_port: int = Field(description="Port of the mail server.")
    smtp_timeout_seconds: float = Field(10, gt=0, le=30, description="How long one answer of the mail server may take.")
    mail_from: str = Field("kabar@rekam.invalid", pattern=r"^[^@\s]+@[^@\s]+$", description="Sender of the mails.")
    send_retry_seconds: float = Field(5, gt=0, description="First wait after a temporary failure; it doubles.")
    send_retry_cap_seconds: float = Field(600, gt=0, description="Longest wait between two tries.")
    send_give_up_hours: float = Field(72, gt=0, description="Age at which a message is no longer tried.")
