"""A mailbox for tests and demos: takes any mail by SMTP, shows it on a page, and can be told to fail."""

import asyncio
import email
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default as modern
from enum import StrEnum
from html import escape
from pathlib import Path
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope, Session
from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.http import create_app
from tools import serving

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:1.5rem;max-width:60rem}
pre{white-space:pre-wrap;background:#f4f4f4;padding:.8rem}"""
_ACCEPTED = "250 Message accepted"


class MailboxSettings(BaseSettings):
    """What the mailbox is told by its environment."""

    model_config = SettingsConfigDict(env_prefix="REKAM_", frozen=True, extra="ignore")

    smtp_port: int
    mailbox_port: int
    mailbox_dir: Path = Field(description="Folder where each mail is kept as a file.")


class FaultKind(StrEnum):
    """How the mail server fails."""

    NONE = "none"
    REJECT = "reject"  # 550: never
    DEFER = "defer"  # 451: try again
    HANG = "hang"  # takes the mail and does not answer
    DOWN = "down"  # nobody listens


class Fault(BaseModel):
    """The fault to show from now on."""

    model_config = ConfigDict(extra="forbid")

    kind: FaultKind


@dataclass(frozen=True, slots=True)
class Mail:
    number: int
    recipients: tuple[str, ...]
    received_at: datetime
    message: EmailMessage

    def to_json(self) -> dict[str, Any]:
        """Write the mail for machines."""
        body = self.message.get_body(("plain", "html"))
        return {
            "id": self.number,
            "to": list(self.recipients),
            "subject": str(self.message.get("Subject", "")),
            "text": body.get_content() if body else "",
            "headers": {name: str(value) for name, value in self.message.items()},
            "received_at": self.received_at.isoformat().replace("+00:00", "Z"),
        }


class Mailbox:
    """Keeps mail, newest last, in memory and as files; obeys one fault at a time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.mails = [_read(path) for path in sorted(folder.glob("*.eml"))]
        self.fault = FaultKind.NONE
        self._changed = asyncio.Event()

    def keep(self, recipients: list[str], content: bytes) -> None:
        """Keep one mail."""
        number = time.time_ns()
        path = self._folder / f"{number}.eml"
        path.write_bytes(f"X-Rekam-Recipients: {','.join(recipients)}\r\n".encode() + content)
        self.mails.append(_read(path))

    def clear(self) -> None:
        """Forget everything."""
        for path in self._folder.glob("*.eml"):
            path.unlink()
        self.mails.clear()

    def fail(self, kind: FaultKind) -> None:
        """Fail in this way from now on; those who hang are let go."""
        self.fault = kind
        self._changed.set()
        self._changed = asyncio.Event()

    async def until_changed(self) -> None:
        """Wait for the next change of fault, at most five minutes."""
        try:
            await asyncio.wait_for(self._changed.wait(), 300)
        except TimeoutError:
            return

    async def handle_RCPT(  # noqa: N802  the name aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take or refuse a recipient."""
        if self.fault is FaultKind.REJECT:
            return "550 5.1.1 No such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  as above
        """Take a mail."""
        if self.fault is FaultKind.DEFER:
            return "451 4.3.0 Try again later"
        if self.fault is FaultKind.HANG:
            await self.until_changed()
            return "451 4.3.0 Try again later"
        content = envelope.content or b""
        self.keep([str(to) for to in envelope.rcpt_tos], content if isinstance(content, bytes) else content.encode())
        return _ACCEPTED


class SmtpDoor:
    """The listening side of the mailbox, which can be shut."""

    def __init__(self, mailbox: Mailbox, port: int) -> None:
        self._mailbox = mailbox
        self._port = port
        self._server: asyncio.Server | None = None
        self._inside: set[SMTP] = set()

    async def set_open(self, *, is_open: bool) -> None:
        """Listen, or stop listening and cut those inside."""
        if is_open and self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._guest, "127.0.0.1", self._port)
        elif not is_open and self._server is not None:
            self._server.close()
            self._server = None
            for guest in tuple(self._inside):
                cast("asyncio.WriteTransport", guest.transport).abort()

    def _guest(self) -> SMTP:
        return _Guest(self._mailbox, self._inside)


class _Guest(SMTP):
    def __init__(self, mailbox: Mailbox, inside: set[SMTP]) -> None:
        super().__init__(mailbox, enable_SMTPUTF8=True, hostname="mailbox.invalid", ident="Rekam mailbox (simulated)")
        self._inside = inside

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._inside.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._inside.discard(self)


def mailbox_app(folder: Path, smtp_port: int) -> FastAPI:
    """Make the mailbox: SMTP on one port, its page on the app's."""
    mailbox = Mailbox(folder)
    door = SmtpDoor(mailbox, smtp_port)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await door.set_open(is_open=True)
        yield
        mailbox.fail(FaultKind.NONE)
        await door.set_open(is_open=False)

    title = "Rekam mailbox (simulated)"
    app = create_app(title=title, version="1", is_ready=serving.nothing_to_wait_for, lifespan=lifespan)
    _add_pages(app, mailbox)

    @app.put("/faults")
    async def fail(fault: Fault) -> Fault:
        """Fail in this way from now on."""
        mailbox.fail(fault.kind)
        await door.set_open(is_open=fault.kind is not FaultKind.DOWN)
        return fault

    return app


def _add_pages(app: FastAPI, mailbox: Mailbox) -> None:
    @app.get("/")
    async def page() -> HTMLResponse:
        """Show what arrived, newest first."""
        articles = "".join(_article(mail) for mail in reversed(mailbox.mails[-200:]))
        head = f"<!doctype html><html lang=en><meta charset=utf-8><title>Mailbox</title><style>{_STYLE}</style>"
        return HTMLResponse(f"{head}<main><h1>Mailbox (simulated)</h1>{articles or '<p>Nothing yet.'}</main></html>")

    @app.get("/messages")
    async def messages(to: str = "") -> list[dict[str, Any]]:
        """Give what arrived, oldest first."""
        return [mail.to_json() for mail in mailbox.mails if not to or to in mail.recipients]

    @app.delete("/messages", status_code=204)
    async def clear() -> Response:
        """Forget everything."""
        mailbox.clear()
        return Response(status_code=204)


def _article(mail: Mail) -> str:
    said = mail.to_json()
    to, subject, text = (escape(value) for value in (", ".join(said["to"]), said["subject"], said["text"]))
    return f"<article><h2>{subject}</h2><p>{to} · {said['received_at']}</p><pre>{text}</pre></article>"


def _read(path: Path) -> Mail:
    message = email.message_from_bytes(path.read_bytes(), policy=modern)
    recipients = tuple(str(message.get("X-Rekam-Recipients", "")).split(","))
    del message["X-Rekam-Recipients"]
    number = int(path.stem)
    return Mail(number, recipients, datetime.fromtimestamp(number / 1e9, UTC), message)


if __name__ == "__main__":
    settings = MailboxSettings()
    serving.run(mailbox_app(settings.mailbox_dir, settings.smtp_port), port=settings.mailbox_port)
