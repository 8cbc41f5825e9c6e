"""What the kernel knows of a connection: `TCP_INFO` while it is open, keepalive as the witness of a silent line."""

import socket
import struct

_TCP_INFO = getattr(socket, "TCP_INFO", None)
_LARGEST_INFO = 256
_MOST_PROBES = 127
_U32 = {"unacked": 24, "last_ack_ms": 56, "rtt_us": 68, "total_retrans": 100, "snd_wnd": 228}
_U64 = {"bytes_acked": 120}
_TOTALS = ("bytes_acked", "total_retrans")


def prepare(raw: socket.socket, deadline_seconds: float) -> None:
    """Make a socket fit for calls: no delay, and keepalive that asks each second and outlives the deadline."""
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, probes_for(deadline_seconds))


def probes_for(deadline_seconds: float) -> int:
    """Say how many unanswered probes a connection must survive, so that the deadline always comes first."""
    return min(int(deadline_seconds) + 5, _MOST_PROBES)


def sample(raw: socket.socket) -> dict[str, int] | None:
    """Read what the verdict leans on; a field this kernel does not know is absent, and a closed socket gives None."""
    if _TCP_INFO is None:
        return None
    try:
        info = raw.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _LARGEST_INFO)
    except OSError:
        return None
    if len(info) < _U32["last_ack_ms"] + 4:
        return None
    counters = {"retransmits": info[2], "probes": info[3]}
    counters |= {name: struct.unpack_from("=I", info, at)[0] for name, at in _U32.items() if len(info) >= at + 4}
    counters |= {name: struct.unpack_from("=Q", info, at)[0] for name, at in _U64.items() if len(info) >= at + 8}
    return counters


def totals(raw: socket.socket) -> dict[str, int]:
    """Give what counts up over a connection's whole life: a call on a reused one starts from here."""
    counters = sample(raw) or {}
    return {name: counters[name] for name in _TOTALS if name in counters}


def since(counters: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    """Take away what the connection's earlier calls had counted."""
    return counters | {name: counters[name] - start for name, start in before.items() if name in counters}


def is_silent(raw: socket.socket) -> bool:
    """Say whether an idle connection is still open with nothing to read: no EOF, no RST, no closing alert."""
    try:
        raw.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
