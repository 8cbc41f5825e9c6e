"""Plain SQL files, applied once each, in order of their names; `pre` expands, `post` contracts."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from shared.postgres.pool import Transaction

SHARED = Path(__file__).with_name("migrations")

_CREATE = """
    CREATE TABLE IF NOT EXISTS migration (
        name text PRIMARY KEY,
        digest text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now())"""
_APPLIED = "SELECT name, digest FROM migration"
_MARK = "INSERT INTO migration (name, digest) VALUES ($1, $2)"
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(7239471)"


class ChangedMigration(Exception):
    """A migration file differs from what this database has applied; migrations are never edited."""


async def migrate(tx: Transaction, folders: Sequence[Path]) -> list[str]:
    """Apply what is missing, in one transaction; raises `ChangedMigration` when history was edited."""
    await tx.execute(_ONE_AT_A_TIME)
    await tx.execute(_CREATE)
    applied = {row["name"]: row["digest"] for row in await tx.fetch(_APPLIED)}
    fresh = []
    for file in (file for folder in folders for file in sorted(folder.glob("*.sql"))):
        name, sql = f"{file.parent.parent.name}/{file.name}", file.read_text()
        digest = hashlib.sha256(sql.encode()).hexdigest()
        if applied.get(name, digest) != digest:
            raise ChangedMigration(name)
        if name not in applied:
            await tx.execute(sql)
            await tx.execute(_MARK, name, digest)
            fresh.append(name)
    return fresh
