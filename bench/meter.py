"""What each process of the stack costs while a window is open: processor time and memory."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

_SAMPLED_EVERY = 1.0
_WITH_CHILDREN = "postgres"
DRIVER = "driver"


@dataclass(frozen=True, slots=True)
class Usage:
    """One process with its children; memory that children share counts once."""

    name: str
    cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What a window cost."""

    usages: list[Usage]
    seconds: float
    cores: int
    others_share: float


@dataclass(slots=True)
class Meter:
    """Reads processor time when the window opens and closes, and memory in between."""

    pids: Mapping[str, int]
    _processes: dict[str, psutil.Process] = field(default_factory=dict)
    _before: dict[str, float] = field(default_factory=dict)
    _peaks: dict[str, int] = field(default_factory=dict)
    _opened: float = 0.0
    _busy_before: float = 0.0

    def open(self) -> None:
        """Begin to count."""
        named = {name: psutil.Process(pid) for name, pid in self.pids.items()}
        self._processes = {**named, DRIVER: psutil.Process()}
        self._peaks = dict.fromkeys(self._processes, 0)
        self._opened, self._busy_before = time.monotonic(), _busy_seconds()
        self._before = {name: self._cpu_of(name) for name in self._processes}

    async def sample_while(self, work: "asyncio.Future[None]", seconds: float) -> None:
        """Look at the memory until the time is over or the work is done."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not work.done():
            self._sample()
            await asyncio.wait([work], timeout=min(left, _SAMPLED_EVERY))
        self._sample()

    def close(self) -> Cost:
        """Tell what was used since the opening."""
        seconds = time.monotonic() - self._opened
        busy = _busy_seconds() - self._busy_before
        used = {name: self._cpu_of(name) - self._before[name] for name in self._processes}
        cores = psutil.cpu_count() or 1
        return Cost(
            [Usage(name, used[name], self._peaks[name]) for name in self._processes],
            seconds,
            cores,
            max(0.0, busy - sum(used.values())) / (seconds * cores),
        )

    def _sample(self) -> None:
        for name in self._processes:
            self._peaks[name] = max(self._peaks[name], self._memory_of(name))

    def _tree(self, name: str) -> list[psutil.Process]:
        process = self._processes[name]
        # To look for children is dear; the driver's are the stack itself, which is counted by name.
        return [process, *process.children()] if name == _WITH_CHILDREN else [process]

    def _cpu_of(self, name: str) -> float:
        total = 0.0
        with suppress(psutil.NoSuchProcess):
            for process in self._tree(name):
                with suppress(psutil.NoSuchProcess):
                    spent = process.cpu_times()
                    total += spent.user + spent.system
                    # What ended children used; the driver has ended ones of earlier stacks.
                    total += spent.children_user + spent.children_system if name == _WITH_CHILDREN else 0.0
        return total

    def _memory_of(self, name: str) -> int:
        own, shared = 0, 0
        with suppress(psutil.NoSuchProcess):
            for process in self._tree(name):
                with suppress(psutil.NoSuchProcess):
                    memory = process.memory_info()
                    own += memory.rss - memory.shared
                    shared = max(shared, memory.shared)
        return own + shared


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)
