"""Sockets of another network namespace: a socket stays where it was made, whoever uses it."""

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

_NAMESPACES = Path("/run/netns")
_NETWORK = 0x40000000


@contextlib.contextmanager
def inside(namespace: str | None) -> Iterator[None]:
    """Stand in a namespace that `ip netns add` made while the block runs; None is where we are. It needs root."""
    if namespace is None:
        yield
        return
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(_NAMESPACES / namespace, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _enter(home)
    finally:
        os.close(home)


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _NETWORK):
        problem = ctypes.get_errno()
        raise OSError(problem, os.strerror(problem))
