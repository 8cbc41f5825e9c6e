"""Apache Kafka by its Maven coordinates, fetched once, every file checked against the list in `deploy/local/`."""

import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tools.local.places import DEPLOY, cache
from tools.local.processes import StartFailed, run_to_end

_TRIES = 3


def kafka_jars() -> Path:
    """Return the folder with Kafka's class path; the network is used only the first time."""
    expected = _expected()
    jars = cache() / f"kafka-{hashlib.sha256(repr(sorted(expected.items())).encode()).hexdigest()[:12]}"
    if jars.exists():
        return jars
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jars.exists():
            print("fetching Apache Kafka (60 MB, only this once) …", file=sys.stderr, flush=True)
            _fetch(jars, expected)
    return jars


def _fetch(jars: Path, expected: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory(dir=cache(), prefix="resolve-") as scratch:
        workplace = Path(scratch)
        _resolve(workplace)
        gathered = workplace / "gathered"
        gathered.mkdir()
        for jar in workplace.glob(".jgo/*/*.jar"):
            shutil.copyfile(jar, gathered / jar.name)
        found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in gathered.iterdir()}
        if found != expected:
            raise StartFailed(f"what was fetched is not what kafka.sha256 lists: {_difference(found, expected)}")
        gathered.replace(jars)


def _resolve(workplace: Path) -> None:
    shutil.copyfile(DEPLOY / "jgo.toml", workplace / "jgo.toml")
    places = ["--cache-dir", str(cache() / "jgo"), "--repo-cache", str(cache() / "maven")]
    command = [sys.executable, "-m", "jgo", "--resolver", "python", "--color", "never", "--timeout", "60", *places]
    for attempt in range(1, _TRIES + 1):
        try:
            run_to_end([*command, "sync"], env=os.environ, cwd=workplace)
        except StartFailed:
            if attempt == _TRIES:
                raise
        else:
            return


def _expected() -> dict[str, str]:
    lines = (line.split() for line in (DEPLOY / "kafka.sha256").read_text().splitlines())
    return {name: digest for digest, name in lines}


def _difference(found: dict[str, str], expected: dict[str, str]) -> str:
    return ", ".join(sorted({name for name, _ in found.items() ^ expected.items()}))
