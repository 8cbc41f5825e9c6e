"""The stacks that tests lean on: started once per session on free ports."""

import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.local import ALL, Stack
from tools.local.places import LOCAL


def new_folder() -> Path:
    """Name a run folder of this session's own."""
    return LOCAL / "tests" / f"{os.getpid()}-{uuid.uuid4().hex[:8]}"


@contextmanager
def running(parts: Iterable[str] = ALL) -> Iterator[Stack]:
    """Start these parts, stop them after; the folder with its logs stays only when the block failed."""
    stack = Stack.on_free_ports(new_folder())
    with stack:
        yield stack.start(parts)
    stack.remove()
