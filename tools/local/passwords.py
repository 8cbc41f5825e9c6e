"""Passwords of the local PostgreSQL roles."""

import json
import secrets
from pathlib import Path

_ROLES = ("postgres", "intake", "recording", "notification", "status")


def passwords(folder: Path) -> dict[str, str]:
    """Make them up once per run folder and keep them in a file only its owner reads."""
    path = folder / "passwords.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps({role: secrets.token_urlsafe(18) for role in _ROLES}))
    kept: dict[str, str] = json.loads(path.read_text())
    return kept
