"""Wires notification: the one place that knows settings, Kafka and the order of things."""

import asyncio
import random
import sys
import tomllib
from datetime import timedelta
from pathlib import Path

from fastapi import FastAPI

from services.notification.api import Ledger, routes
from services.notification.channels.smtp import MailServer
from services.notification.domain.sending import Backoff
from services.notification.domain.texts import LANGUAGES, Text, TextRefused, Texts, check
from services.notification.events_in import TOPICS, hears
from services.notification.loops import send_due_messages
from services.notification.settings import NotificationSettings
from services.notification.usecases.hear_facts import HearFacts
from services.notification.usecases.send_messages import SendMessages
from shared.events.offices import read_offices
from shared.events.situation import Situation
from shared.lifecycle import run_until_stopped
from shared.runtime import Runtime
from shared.sealing import OpeningKey
from shared.settings import read_settings

_FOLDER = Path(__file__).parent


async def run(stop: asyncio.Event | None = None, settings: NotificationSettings | None = None) -> None:
    """Run the service until it is told to stop."""
    settings = settings or read_settings(NotificationSettings)
    texts = texts_or_exit()
    runtime = Runtime(settings, service="notification", folder=_FOLDER, topics=TOPICS)
    app = build(runtime, settings, texts)
    send = _sender(runtime, settings, texts)

    async def send_due(stop: asyncio.Event) -> None:
        await send_due_messages(send, stop)

    try:
        await run_until_stopped({**runtime.tasks(app), "send due messages": send_due}, stop)
    finally:
        await runtime.close()


def build(runtime: Runtime, settings: NotificationSettings, texts: Texts) -> FastAPI:
    """Make the API over this runtime."""
    app = runtime.web("Rekam notification")
    app.include_router(routes(Ledger(runtime.database, bytes.fromhex(settings.request_key))))
    runtime.hear(app, hears(HearFacts(texts, read_offices(settings.offices_file))))
    return app


def read_texts(folder: Path = _FOLDER / "texts") -> Texts:
    """Read and check the texts of every language; raises `TextRefused`."""
    texts: dict[tuple[Situation, str], Text] = {}
    for language in LANGUAGES:
        said = tomllib.loads((folder / f"{language}.toml").read_text())
        for situation, text in said.items():
            written = Text(text["version"], text["subject"], tuple(text["lines"]))
            texts[Situation(situation), language] = written
    check(texts)
    return texts


def texts_or_exit() -> Texts:
    """Read the texts, or stop the start and say which text is not whole."""
    try:
        return read_texts()
    except (TextRefused, KeyError, ValueError) as error:
        sys.exit(f"cannot start: {error}")


def _sender(runtime: Runtime, settings: NotificationSettings, texts: Texts) -> SendMessages:
    return SendMessages(
        database=runtime.database,
        outbox=runtime.outbox,
        server=MailServer(settings.smtp_host, settings.smtp_port, settings.mail_from, settings.smtp_timeout_seconds),
        key=OpeningKey.from_file(settings.contact_opening_key_file),
        texts=texts,
        backoff=Backoff(
            base=timedelta(seconds=settings.send_retry_seconds),
            cap=timedelta(seconds=settings.send_retry_cap_seconds),
            give_up_after=timedelta(hours=settings.send_give_up_hours),
        ),
        dice=random.random,
    )
