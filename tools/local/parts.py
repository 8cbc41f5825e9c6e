"""The processes of the local stack by name, and what each is told by its environment."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from tools.local.endpoints import Endpoints
from tools.local.places import DEPLOY
from tools.local.ports import Ports

SERVERS = ("postgres", "kafka")
TOOLS = ("issuer", "traces", "mailbox", "centre", "line")
SERVICES = ("intake", "recording", "notification", "status")
# The second source: recording's own code and database in a process of its own.
PROBES = ("probe",)
ALL = (*SERVERS, *TOOLS, *SERVICES, *PROBES)

_OFFICES = DEPLOY / "offices.json"


def ready_url(name: str, ports: Ports) -> str:
    """Where a process that is not a server of others' making says it is ready."""
    if name in SERVICES or name in PROBES:
        return f"http://127.0.0.1:{getattr(ports, name)}/readyz"
    control = {"centre": ports.centre_control, "line": ports.line_control}
    return f"http://127.0.0.1:{control.get(name) or getattr(ports, name)}/livez"


def of_tool(name: str, folder: Path, ports: Ports, endpoints: Endpoints) -> dict[str, str]:
    """Tell a tool its environment."""
    told = {
        "issuer": {"REKAM_ISSUER_PORT": ports.issuer, "REKAM_KEYS_DIR": folder / "keys"},
        "traces": {"REKAM_TRACES_PORT": ports.traces, "REKAM_TRACES_DIR": folder / "traces"},
        "mailbox": {
            "REKAM_MAILBOX_PORT": ports.mailbox,
            "REKAM_SMTP_PORT": ports.smtp,
            "REKAM_MAILBOX_DIR": folder / "mailbox",
        },
        "centre": {
            "REKAM_CENTRE_PORT": ports.centre,
            "REKAM_CENTRE_CONTROL_PORT": ports.centre_control,
            "REKAM_CENTRE_DIR": folder / "centre",
            "REKAM_KEYS_DIR": folder / "keys",
        },
        "line": {
            "REKAM_LINE_PORT": ports.line,
            "REKAM_LINE_TARGET": f"127.0.0.1:{ports.centre}",
            "REKAM_LINE_CONTROL_PORT": ports.line_control,
            "REKAM_LINE_NEUTRAL_PORT": ports.line_neutral,
        },
    }
    return _inherited() | {"REKAM_ISSUER_URL": endpoints.issuer} | _words(told[name])


def of_service(name: str, folder: Path, ports: Ports, endpoints: Endpoints) -> dict[str, str]:
    """Tell a service its environment: the same for all four, then the keys and neighbours that are its own alone."""
    keys = folder / "keys"
    held = _secrets(keys)
    common = {
        "REKAM_POSTGRES_DSN": endpoints.postgres[name],
        "REKAM_KAFKA_BOOTSTRAP": endpoints.kafka,
        "REKAM_HTTP_HOST": "127.0.0.1",
        "REKAM_HTTP_PORT": getattr(ports, name),
        "REKAM_INSTANCE": f"{name}-1",
        "REKAM_PARTITIONS": 6,
        "REKAM_ISSUER_URL": endpoints.issuer,
        "REKAM_AUDIENCE": "rekam",
        "REKAM_OTLP_URL": endpoints.otlp,
        "REKAM_TRACES_URL": endpoints.traces,
        "REKAM_REQUEST_KEY": held.get("request_key", ""),
    }
    store: dict[str, object] = {"REKAM_STORE_DIR": folder / "store"}
    offices = {"REKAM_OFFICES_FILE": _OFFICES} if _OFFICES.exists() else {}
    check = {"REKAM_CHECK_KEY": held.get("check_key", "")}
    centre_seal = {"REKAM_CENTRE_SEALING_KEY_FILE": keys / "centre_sealing.public.json"}
    contact_seal = {"REKAM_CONTACT_SEALING_KEY_FILE": keys / "contact_sealing.public.json"}
    blind = {"REKAM_BLIND_INDEX_KEYS": held.get("blind_index_keys", "")}
    its_own: dict[str, dict[str, object]] = {
        "intake": store | check | centre_seal | contact_seal | blind,
        "recording": store
        | centre_seal
        | {"REKAM_CENTRE_URL": endpoints.centre, "REKAM_CENTRE_CA_FILE": keys / "ca.pem"},
        "notification": {
            "REKAM_CONTACT_OPENING_KEY_FILE": keys / "contact_sealing.private.json",
            "REKAM_SMTP_HOST": "127.0.0.1",
            "REKAM_SMTP_PORT": ports.smtp,
        },
        "status": {**check},
    }
    # The person at the counter comes first: where the cores are full, what can wait stands back.
    if name != "intake":
        common["REKAM_NICENESS"] = 15
    return _inherited() | _words(common) | _words(offices) | _words(its_own[name])


def of_probe(folder: Path, ports: Ports, endpoints: Endpoints) -> dict[str, str]:
    """Tell the probe what recording is told, and whom else to ask: the line's neighbour, the centre past the line."""
    its_own = {
        "REKAM_HTTP_PORT": ports.probe,
        "REKAM_INSTANCE": "probe-1",
        "REKAM_NEUTRAL_TARGETS": json.dumps([f"127.0.0.1:{ports.line_neutral}"]),
        # By its address: names may be what fails on the first way.
        "REKAM_SECOND_WAY_URL": f"https://127.0.0.1:{ports.centre}",
    }
    return of_service("recording", folder, ports, endpoints) | _words(its_own)


def command_of(name: str) -> list[str]:
    """Say what is run after `python -m`."""
    if name in PROBES:
        return ["services.recording", name]
    return [f"{'services' if name in SERVICES else 'tools'}.{name}"]


def _inherited() -> dict[str, str]:
    # The administrator's data source is for the stack alone; a service gets its own role's.
    return {name: value for name, value in os.environ.items() if name != "REKAM_POSTGRES_DSN"}


def _words(told: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in told.items()}


def _secrets(keys: Path) -> dict[str, str]:
    path = keys / "secrets.json"
    held: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return held
