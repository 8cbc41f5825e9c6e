"""Child processes that die with their owner, each with a log of its own."""

import functools
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_LEASH = Path(__file__).with_name("leash.py")
_POLL_SECONDS = 0.05
_LOG_LINES = 15

_Order = tuple[Callable[[], "subprocess.Popen[bytes]"], "Future[subprocess.Popen[bytes]]"]


class StartFailed(Exception):
    """A part of the local stack did not become ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """How one process of the stack is started, asked whether it is ready, and stopped."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    is_ready: Callable[[], bool]
    uid: int | None = None
    cwd: Path
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL


@dataclass(slots=True)
class Child:
    """A started part."""

    part: Part
    process: subprocess.Popen[bytes]
    log: Path
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = psutil.Process(self.process.pid).create_time()

    @property
    def is_running(self) -> bool:
        """Whether the process lives, paused or not."""
        return self.process.poll() is None

    def wait_until_ready(self, timeout_seconds: float) -> None:
        """Ask until it is ready; its death or the deadline raises `StartFailed` with the end of its log."""
        deadline = time.monotonic() + timeout_seconds
        while not self.part.is_ready():
            if self._ended_within(_POLL_SECONDS):
                raise StartFailed(f"{self.part.name} ended with {self.process.returncode}\n{tail(self.log)}")
            if time.monotonic() > deadline:
                raise StartFailed(f"{self.part.name} not ready in {timeout_seconds:.0f} s\n{tail(self.log)}")

    def stop(self, timeout_seconds: float) -> None:
        """Ask it to stop, and kill it when it does not listen."""
        self.resume()
        self._send(self.part.stop_signal)
        if not self._ended_within(timeout_seconds):
            self.kill()

    def kill(self) -> None:
        """SIGKILL, as a crash would; returns when it and its own children are gone."""
        offspring = _tree(self.process.pid)[1:]
        self._send(signal.SIGKILL)
        self.process.wait(timeout=30)
        if not _are_gone_within(2, offspring):
            kill_all(offspring)

    def pause(self) -> None:
        """SIGSTOP for it and its children: the port stays open and nobody answers."""
        for process in _tree(self.process.pid):
            process.suspend()

    def resume(self) -> None:
        """SIGCONT, the other way round."""
        for process in reversed(_tree(self.process.pid)):
            process.resume()

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(number)

    def _ended_within(self, seconds: float) -> bool:
        try:
            self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


def spawn(part: Part, log: Path) -> Child:
    """Start a part on the leash, its output appended to the log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    answer: Future[subprocess.Popen[bytes]] = Future()
    _orders().put((functools.partial(_popen, part, log), answer))
    return Child(part, answer.result(timeout=30), log)


def run_to_end(command: Sequence[str], *, uid: int | None = None, env: Mapping[str, str], cwd: Path) -> str:
    """Run a short command, with its output in the exception when it fails."""
    done = subprocess.run(
        [str(word) for word in command],
        user=uid,
        group=uid,
        extra_groups=[] if uid is not None else None,
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise StartFailed(f"{Path(command[0]).name} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def kill_stray(pid: int, started: float) -> bool:
    """Kill a process left by a dead owner, if the pid is still that process; tells whether it was."""
    try:
        is_ours = abs(psutil.Process(pid).create_time() - started) < 1
    except psutil.NoSuchProcess:
        return False
    if is_ours:
        kill_all(_tree(pid))
    return is_ours


def kill_all(processes: Sequence[psutil.Process]) -> None:
    """SIGKILL each that still lives and wait for the end of all."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    _are_gone_within(10, processes)


def tail(log: Path) -> str:
    """Return the last lines of a log, to be shown to whoever waited."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join([f"--- {log}", *lines[-_LOG_LINES:]])


def _popen(part: Part, log: Path) -> subprocess.Popen[bytes]:
    uid = -1 if part.uid is None else part.uid
    leash = [sys.executable, "-I", "-S", str(_LEASH), str(int(part.death_signal)), str(uid), str(os.getpid())]
    with log.open("ab") as output:
        return subprocess.Popen(
            [*leash, *(str(word) for word in part.command)],
            env=dict(part.environment),
            cwd=part.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the owner alone, which stops them in order
        )


@functools.cache
def _orders() -> "queue.SimpleQueue[_Order]":
    """One thread forks all children: the kernel's death signal follows the forking *thread*, so it must not end."""
    orders: queue.SimpleQueue[_Order] = queue.SimpleQueue()
    threading.Thread(target=_fork_forever, args=(orders,), name="forks-children", daemon=True).start()
    return orders


def _fork_forever(orders: "queue.SimpleQueue[_Order]") -> None:
    while True:
        fork, answer = orders.get()
        try:
            answer.set_result(fork())
        except Exception as error:  # noqa: BLE001  it is raised again where the order came from
            answer.set_exception(error)


def _are_gone_within(seconds: float, processes: Sequence[psutil.Process]) -> bool:
    deadline = time.monotonic() + seconds
    while any(_lives(process) for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _lives(process: psutil.Process) -> bool:
    try:
        # A zombie is dead: some containers have nobody at pid 1 who collects orphans.
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
