"""What the kernel is asked about a connection, and told to discard of it."""

import ctypes
import socket
import struct
import sys
from typing import Any

_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27
_TCP_REPAIR, _TCP_REPAIR_QUEUE, _TCP_QUEUE_SEQ = 19, 20, 21
_REPAIR_ON, _REPAIR_OFF_WITHOUT_PROBE, _RECEIVED = 1, -1, 1
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_UNACKED_AT = 24
_SO_MEMINFO, _DROPS_AT = 55, 32
_SEQUENCES = 2**32
_EVERYTHING = 0x40000

_Instruction = tuple[int, int, int, int]
# One classic BPF instruction, "return 0": the kernel discards whatever arrives, its acknowledgements too.
_DISCARD_ALL: tuple[_Instruction, ...] = ((0x06, 0, 0, 0),)


def discard_all(raw: Any) -> None:
    """Let nothing arrive any more; PermissionError without CAP_NET_ADMIN."""
    _attach(raw, _DISCARD_ALL)


def discard_beyond(raw: Any, more_bytes: int) -> None:
    """Let so many more bytes arrive and be acknowledged, not one beyond; empty acknowledgements always pass."""
    _attach(raw, _up_to((_next_sequence(raw) + more_bytes) % _SEQUENCES))


def let_all_pass(raw: Any) -> None:
    """Take the filter away; an OSError when there is none."""
    raw.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)


def unacknowledged(raw: Any) -> int:
    """Count the segments that the other side's kernel has not acknowledged."""
    info = raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _UNACKED_AT + 4)
    return int.from_bytes(info[_UNACKED_AT:], sys.byteorder)


def discarded(raw: Any) -> int:
    """Count the segments that the kernel has discarded so far."""
    info = raw.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _DROPS_AT + 4)
    return int.from_bytes(info[_DROPS_AT:], sys.byteorder)


def find_the_gone(raw: Any) -> None:
    """Have keepalive find out, in seconds, whether the other side has gone during a cut."""
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT):
        raw.setsockopt(socket.IPPROTO_TCP, option, 2)


def reset_on_close(raw: Any) -> None:
    """Make the coming close an RST."""
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


def _attach(raw: Any, program: tuple[_Instruction, ...]) -> None:
    # Keepalive left over from an earlier cut would go unanswered behind this one, and end it with an RST.
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0)
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *instruction) for instruction in program))
    raw.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(program), ctypes.addressof(code)))


def _next_sequence(raw: Any) -> int:
    # The kernel tells its sequence numbers only to those who could repair the connection.
    raw.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, _REPAIR_ON)
    try:
        raw.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR_QUEUE, _RECEIVED)
        sequence = raw.getsockopt(socket.IPPROTO_TCP, _TCP_QUEUE_SEQ, 4)
    finally:
        raw.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, _REPAIR_OFF_WITHOUT_PROBE)
        # Ending the repair forbids the reuse of the port, which the door needs to open again.
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return int.from_bytes(sequence, sys.byteorder)


def _up_to(limit: int) -> tuple[_Instruction, ...]:
    """Write the program: the filter sees TCP header and data, and what it returns is the length that is kept."""
    return (
        (0x30, 0, 0, 12),  # A = the byte that holds the header's length in words
        (0x74, 0, 0, 4),  # A >>= 4
        (0x64, 0, 0, 2),  # A <<= 2
        (0x07, 0, 0, 0),  # X = A: the header's length
        (0x80, 0, 0, 0),  # A = the whole length
        (0x1C, 0, 0, 0),  # A -= X: the data's length
        (0x15, 6, 0, 0),  # no data: keep
        (0x20, 0, 0, 4),  # A = the sequence number
        (0x14, 0, 0, limit),  # A -= limit
        (0x35, 0, 4, _SEQUENCES // 2),  # at or beyond the limit: discard
        (0x84, 0, 0, 0),  # A = -A: the bytes up to the limit
        (0x0C, 0, 0, 0),  # A += X
        (0x16, 0, 0, 0),  # keep A bytes
        (0x06, 0, 0, _EVERYTHING),  # keep
        (0x06, 0, 0, 0),  # discard
    )
