"""OpenAPI of the four services, asked of their own applications; nothing is started and nothing is connected."""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI
from pydantic import SecretStr

from services.intake import app as intake
from services.intake.settings import IntakeSettings
from services.notification import app as notification
from services.notification.settings import NotificationSettings
from services.recording import app as recording
from services.recording.settings import RecordingSettings
from services.status import app as status
from services.status.loops import Freshness
from services.status.settings import StatusSettings
from shared.runtime import Runtime
from shared.sealing import OpeningKey

_NOWHERE = Path("unused")
_ANY: dict[str, Any] = {
    "postgres_dsn": "postgresql://unused",
    "kafka_bootstrap": "unused:0",
    "http_port": 0,
    "issuer_url": "http://unused",
    "request_key": "00",
    "store_dir": _NOWHERE,
}


def write_apis(folder: Path) -> list[Path]:
    """Write one document per service."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for service, build in _BUILDERS.items():
        file = folder / f"{service}.json"
        file.write_text(json.dumps(build().openapi(), indent=2) + "\n")
        written.append(file)
    return written


def _intake() -> FastAPI:
    with TemporaryDirectory() as folder:
        key = Path(folder, "key.public.json")
        key.write_text(json.dumps(OpeningKey.generate().sealing_key().to_json()))
        settings = IntakeSettings(
            **_ANY | {"store_dir": Path(folder)},
            centre_sealing_key_file=key,
            contact_sealing_key_file=key,
            blind_index_keys=SecretStr(f"1:{'00' * 32}"),
            check_key=SecretStr("00"),
        )
        app, _ = intake.build(Runtime(settings, service="intake", folder=_NOWHERE, topics=()), settings)
    return app


def _recording() -> FastAPI:
    settings = RecordingSettings(**_ANY, centre_url="https://unused", centre_ca_file=_NOWHERE)
    work: Any = SimpleNamespace(ring=lambda: None)
    return recording.build_app(recording.build_runtime(settings), settings, work)


def _notification() -> FastAPI:
    settings = NotificationSettings(**_ANY, contact_opening_key_file=_NOWHERE, smtp_port=0)
    runtime = Runtime(settings, service="notification", folder=_NOWHERE, topics=())
    return notification.build(runtime, settings, notification.read_texts())


def _status() -> FastAPI:
    settings = StatusSettings(**_ANY)
    runtime = Runtime(settings, service="status", folder=_NOWHERE, topics=())
    return status.build(runtime, settings, Freshness())


_BUILDERS: dict[str, Callable[[], FastAPI]] = {
    "intake": _intake,
    "recording": _recording,
    "notification": _notification,
    "status": _status,
}
