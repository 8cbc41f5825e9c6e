"""Passwords of the local PostgreSQL roles."""

import hashlib
import hmac
import json
import secrets
from contextlib import suppress
from pathlib import Path

_ROLES = ("postgres", "intake", "recording", "notification", "status")


def passwords(folder: Path) -> dict[str, str]:
    """Make them up once per run folder and keep them in a file only its owner reads."""
    path = folder / "passwords.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _write_once(path, json.dumps({role: secrets.token_urlsafe(18) for role in _ROLES}))
    kept: dict[str, str] = json.loads(path.read_text())
    return kept


def passwords_from(administrator: str) -> dict[str, str]:
    """Derive them from the data source name of a server that several stacks share, so that all agree."""
    return {role: hmac.new(administrator.encode(), role.encode(), hashlib.sha256).hexdigest() for role in _ROLES}


def _write_once(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(text)
    with suppress(FileExistsError):
        path.hardlink_to(draft)  # of several at once the first wins
    draft.unlink()
