"""What the verbs of `python -m tools.local` do."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import fields

import psutil

from tools.local.endpoints import Endpoints
from tools.local.jars import kafka_jars
from tools.local.parts import ALL
from tools.local.places import ROOT, endpoints_file, run_folder
from tools.local.ports import Ports, is_free
from tools.local.processes import StartFailed, tail
from tools.local.runfolder import AlreadyRuns, children_of, owner_of
from tools.local.stack import Stack

_UP_SECONDS = 300
_DOWN_SECONDS = 60
_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def up(only: str | None) -> int:
    """Start a supervisor in the background; return when it says that all is ready."""
    if owner_of(run_folder()) is not None:
        print("already running:")
        return status() if _become_so(endpoints_file().exists, lambda: owner_of(run_folder()) is None) else 1
    kafka_jars()
    endpoints_file().unlink(missing_ok=True)
    log = run_folder() / "logs" / "supervisor.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tools.local", "run", *(["--only", only] if only else [])]
    with log.open("wb") as output:
        supervisor = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    if not _become_so(endpoints_file().exists, lambda: supervisor.poll() is not None):
        supervisor.terminate()
        print(tail(log), file=sys.stderr)
        return 1
    return status()


def run(only: str | None) -> int:
    """Own the stack until a signal: Ctrl-C, SIGTERM or a closed terminal."""
    for number in _SIGNALS:
        signal.signal(number, _leave)
    try:
        with Stack(run_folder(), _ports()) as stack:
            parts = only.split(",") if only else ALL
            _check_ports(stack.ports, [part for part in parts if not stack.is_external(part)])
            stack.start(parts)
            _tell(stack.endpoints)
            _watch(stack)
    except (StartFailed, AlreadyRuns) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def down() -> int:
    """Stop the supervisor and with it everything."""
    owner = owner_of(run_folder())
    if not owner:
        print("nothing runs")
        return 0
    os.kill(owner, signal.SIGTERM)
    if not _become_so(lambda: owner_of(run_folder()) is None, lambda: False, within_seconds=_DOWN_SECONDS):
        print("the supervisor did not stop in time and is killed; its children die with it", file=sys.stderr)
        os.kill(owner, signal.SIGKILL)
    print("stopped")
    return 0


def status() -> int:
    """Say which processes run and where the pages are; 1 when nothing runs."""
    owner = owner_of(run_folder())
    if owner is None:
        print("nothing runs; `make up` starts it")
        return 1
    for name, pid in children_of(run_folder()).items():
        print(f"  {name:<13} {'runs' if psutil.pid_exists(pid) else 'DEAD'}  pid {pid}")
    if endpoints_file().exists():
        for name, address in _pages(Endpoints.read(endpoints_file())):
            print(f"  {name:<22} {address}")
    return 0


def env(name: str) -> int:
    """Print a process's environment as `export` lines."""
    ports = Ports.of_run(run_folder()) or _ports()
    told = Stack(run_folder(), ports).environment(name)
    for key in sorted(key for key in told if key.startswith("REKAM_")):
        print(f"export {key}={shlex.quote(told[key])}")
    return 0


def fetch() -> int:
    """Fetch Kafka, so that later starts need no network."""
    kafka_jars()
    return 0


def _ports() -> Ports:
    return Ports.free() if os.environ.get("REKAM_PORTS") == "free" else Ports.fixed(os.environ)


def _leave(*_: object) -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # impatience must not cut the stopping short
    raise SystemExit(0)


def _become_so(so: Callable[[], bool], never: Callable[[], bool], within_seconds: float = _UP_SECONDS) -> bool:
    deadline = time.monotonic() + within_seconds
    while not so():
        if never() or time.monotonic() > deadline:
            return so()
        time.sleep(0.1)
    return True


def _check_ports(ports: Ports, parts: Sequence[str]) -> None:
    names = [port.name for port in fields(ports) if port.name.partition("_")[0] in parts]
    taken = [name for name in names if not is_free(getattr(ports, name))]
    if taken:
        says = ", ".join(f"{name} {getattr(ports, name)} (REKAM_{name.upper()}_PORT changes it)" for name in taken)
        raise StartFailed(f"somebody listens already on the port of: {says}")


def _tell(endpoints: Endpoints) -> None:
    draft = endpoints_file().with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(endpoints.to_json())
    draft.replace(endpoints_file())
    for name, address in _pages(endpoints):
        print(f"  {name:<22} {address}", flush=True)


def _pages(endpoints: Endpoints) -> list[tuple[str, str]]:
    services = {
        f"{name} (API)": f"{getattr(endpoints, name)}/docs"
        for name in ("intake", "recording", "notification", "status")
    }
    others = {
        "traces": endpoints.traces,
        "mailbox": endpoints.mailbox,
        "centre, control": endpoints.centre_control,
        "line, control": endpoints.line_control,
        "Kafka": endpoints.kafka,
        "addresses for programs": str(endpoints_file()),
    }
    return [*services.items(), *others.items()]


def _watch(stack: Stack) -> None:
    running = set(stack.pids())
    try:
        while True:
            time.sleep(1)
            gone = running - set(stack.pids())
            for name in sorted(gone):
                print(f"{name} died; its log: {stack.log(name)}", file=sys.stderr, flush=True)
            running -= gone
    finally:
        endpoints_file().unlink(missing_ok=True)
