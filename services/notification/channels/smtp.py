"""E-mail by SMTP.

NotTaken
├── TryAgain   the server is away, slow, or answers 4xx
└── Never      5xx: no such mailbox, no such address
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPTimeoutError,
)

_PERMANENT = 500
_LONGEST_ADDRESS = 254


class NotTaken(Exception):
    """The mail was not taken; `failure` is a short code without anything personal."""

    def __init__(self, failure: str) -> None:
        super().__init__(failure)
        self.failure = failure


class TryAgain(NotTaken):
    """It may be taken later."""


class Never(NotTaken):
    """It will not be taken, however often it is tried."""


@dataclass(frozen=True, slots=True)
class Mail:
    """What goes out; a second send carries the same id, so that it can be recognised."""

    message_id: str
    address: str = field(repr=False)
    subject: str
    body: str = field(repr=False)
    language: str


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over."""

    host: str
    port: int
    sender: str
    timeout_seconds: float

    @asynccontextmanager
    async def connected(self) -> AsyncIterator["Connection"]:
        """Open one connection for a batch; raises `TryAgain` when the server is away."""
        client = SMTP(hostname=self.host, port=self.port, timeout=self.timeout_seconds)
        try:
            await client.connect()
        except (SMTPException, OSError, TimeoutError) as error:
            raise TryAgain("unreachable") from error
        try:
            yield Connection(client, self.sender)
        finally:
            await _leave(client)


class Connection:
    """One connection, used by one task at a time."""

    def __init__(self, client: SMTP, sender: str) -> None:
        self._client = client
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        """Hand over one mail; raises `TryAgain` or `Never`."""
        if not _is_address(mail.address):
            raise Never("address_malformed")
        try:
            await self._client.send_message(
                _written(mail, self._sender), sender=self._sender, recipients=[mail.address]
            )
        except SMTPRecipientsRefused as error:
            code = error.recipients[0].code if error.recipients else _PERMANENT
            raise _by_code(code) from None  # the cause would quote the address
        except SMTPResponseException as error:
            raise _by_code(error.code) from None
        except SMTPNotSupported:
            raise Never("address_not_supported") from None
        except (SMTPTimeoutError, TimeoutError):
            raise TryAgain("timeout") from None
        except (SMTPException, OSError):
            raise TryAgain("connection_lost") from None

    @property
    def is_open(self) -> bool:
        """Tell whether another mail can be handed over."""
        return self._client.is_connected


def _by_code(code: int) -> NotTaken:
    return (Never if code >= _PERMANENT else TryAgain)(f"smtp_{code}")


def _is_address(text: str) -> bool:
    name, _, host = text.rpartition("@")
    return bool(name and host) and len(text) <= _LONGEST_ADDRESS and text.isprintable() and not set(text) & set(" ,;<>")


def _written(mail: Mail, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = mail.address
    message["Subject"] = mail.subject
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{mail.message_id}@{sender.rpartition('@')[2]}>"
    message["Content-Language"] = mail.language
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.body)
    return message


async def _leave(client: SMTP) -> None:
    try:
        if client.is_connected:
            await asyncio.wait_for(client.quit(), 2)
    except (SMTPException, OSError, TimeoutError):
        client.close()
