"""Every way the centre can misbehave, one registry: a new kind is one more line of it."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import msgspec

from tools.centre.calls import Operation
from tools.centre.capacity import Capacity, CapacityRequest
from tools.centre.wire import Answer, Exchange

ALL = "all"
_HTML = b"<html><body><h1>Sedang dalam pemeliharaan</h1></body></html>"
_GARBAGE = (
    b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 24\r\n\r\n{"state": \x00\xff\xfe not json }'
)
_WAYS_TO_FAIL = frozenset({429, 500, 501, 502, 503, 504})


class Door(Enum):
    """What the listener itself does; the rest happens per call."""

    OPEN = "open"
    CLOSED = "closed"
    ACCEPTS_AND_CLOSES = "accepts_and_closes"
    EXPIRED = "expired"
    WRONG_HOST = "wrong_host"


class FaultRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body of PUT /faults/{operation}; `delay` is what `slow` waits, `seconds` how long the fault lasts.

    `per_second` and `queue` are what `overload` still does; its `times` count the calls it refuses.
    """

    kind: str
    share: float = 1.0
    times: int | None = None
    seconds: float | None = None
    retry_after: int | None = None
    status: int = 503
    delay: float = 30.0
    per_second: float | None = None
    queue: int = 0


@dataclass(slots=True)
class Fault:
    asked: FaultRequest
    ends_at: float | None
    times_left: int | None
    capacity: Capacity

    def count(self) -> None:
        """Use up one of its times."""
        if self.times_left is not None:
            self.times_left -= 1

    def is_over(self, now: float) -> bool:
        """Say whether its seconds or its times are used up."""
        return self.times_left == 0 or (self.ends_at is not None and now >= self.ends_at)


@dataclass(frozen=True, slots=True)
class Strike:
    """What hits a call: a fault that misbehaves, or only a wait for a turn before the answer."""

    fault: FaultRequest | None = None
    wait_seconds: float = 0.0


_NO_STRIKE = Strike()

Reply = Callable[[Exchange, Answer, FaultRequest], None]


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """Whether the call still takes effect, and what the caller gets."""

    does_effect: bool
    reply: Reply
    answers_status: bool = False


def _say_nothing(exchange: Exchange, answer: Answer, fault: FaultRequest) -> None:
    """Leave the caller waiting; its connection stays open."""


def _close(exchange: Exchange, _answer: Answer, _fault: FaultRequest) -> None:
    exchange.close()


def _reset(exchange: Exchange, _answer: Answer, _fault: FaultRequest) -> None:
    exchange.reset()


def _fail(exchange: Exchange, _answer: Answer, fault: FaultRequest) -> None:
    exchange.send(refusal(fault.status, fault.retry_after))


def _answer_late(exchange: Exchange, answer: Answer, fault: FaultRequest) -> None:
    asyncio.get_running_loop().call_later(fault.delay, exchange.send, answer)


def _show_maintenance(exchange: Exchange, _answer: Answer, _fault: FaultRequest) -> None:
    exchange.send(Answer(200, _HTML, content_type="text/html"))


def _say_garbage(exchange: Exchange, _answer: Answer, _fault: FaultRequest) -> None:
    exchange.send_raw(_GARBAGE)


def _say_half(exchange: Exchange, answer: Answer, _fault: FaultRequest) -> None:
    whole = answer.encode()
    exchange.send_raw(whole[: len(whole) - 8])


def _acknowledge_as_duplicate(exchange: Exchange, answer: Answer, _fault: FaultRequest) -> None:
    headers = (*answer.headers, ("idempotent-replayed", "true"))
    exchange.send(Answer(200 if answer.status < 300 else answer.status, answer.body, headers))  # noqa: PLR2004  2xx


def refusal(status: int, retry_after: int | None) -> Answer:
    """Make an answer that says the centre is not well, and when to come back if it knows."""
    headers = () if retry_after is None else (("retry-after", str(retry_after)),)
    return Answer(status, {"detail": "the centre is not well (simulated)"}, headers)


OVERLOAD = "overload"
CALL_FAULTS = {
    "hang": Misbehaviour(does_effect=False, reply=_say_nothing),
    "status": Misbehaviour(does_effect=False, reply=_fail, answers_status=True),
    "effect_then_lost": Misbehaviour(does_effect=True, reply=_close),
    "effect_then_hang": Misbehaviour(does_effect=True, reply=_say_nothing),
    "slow": Misbehaviour(does_effect=True, reply=_answer_late),
    "html_200": Misbehaviour(does_effect=False, reply=_show_maintenance),
    "garbage": Misbehaviour(does_effect=True, reply=_say_garbage),
    "truncated": Misbehaviour(does_effect=True, reply=_say_half),
    "reset": Misbehaviour(does_effect=False, reply=_reset),
    OVERLOAD: Misbehaviour(does_effect=False, reply=_fail, answers_status=True),
    "duplicate_ack": Misbehaviour(does_effect=True, reply=_acknowledge_as_duplicate),
}
DOOR_FAULTS = {
    "refuse": Door.CLOSED,
    "close_after_accept": Door.ACCEPTS_AND_CLOSES,
    "tls_expired": Door.EXPIRED,
    "tls_wrong_host": Door.WRONG_HOST,
}
# These strike when the head of a request has come, before its body is read.
HEAD_FAULTS = frozenset({"stops_reading"})
KINDS = frozenset({*CALL_FAULTS, *DOOR_FAULTS, *HEAD_FAULTS})
OPERATIONS = frozenset({ALL, *(operation.value for operation in Operation)})


class Faults:
    """The faults switched on now, one per operation and one for all."""

    def __init__(self) -> None:
        self._switched_on: dict[str, Fault] = {}

    def switch_on(self, operation: str, asked: FaultRequest) -> None:
        """Switch one on in place of the operation's former one; a wrong request is a ValueError."""
        _check(operation, asked)
        ends_at = None if asked.seconds is None else time.monotonic() + asked.seconds
        capacity = Capacity(CapacityRequest(asked.per_second, asked.queue))
        self._switched_on[operation] = Fault(asked, ends_at, asked.times, capacity)

    def clear(self) -> None:
        """Be well again."""
        self._switched_on.clear()

    def strike(self, operation: Operation) -> Strike:
        """Return what hits this call."""
        fault = self._hitting(operation)
        if fault is None or fault.asked.kind not in CALL_FAULTS:
            return _NO_STRIKE
        if fault.asked.kind == OVERLOAD:
            wait = fault.capacity.wait_seconds(time.monotonic())
            if wait is not None:
                return Strike(wait_seconds=wait)
        fault.count()
        return Strike(fault.asked)

    def strike_head(self, operation: Operation) -> Fault | None:
        """Return the fault that hits this request before its body is read, if one does."""
        fault = self._hitting(operation)
        if fault is None or fault.asked.kind not in HEAD_FAULTS:
            return None
        fault.count()
        return fault

    def door(self) -> Door:
        """Say what the listener should do now."""
        self._forget_what_is_over()
        fault = self._switched_on.get(ALL)
        return DOOR_FAULTS.get(fault.asked.kind, Door.OPEN) if fault else Door.OPEN

    def door_moves_in(self, now: float) -> float | None:
        """Say in how many seconds the listener has to be moved, if it ever has."""
        fault = self._switched_on.get(ALL)
        if fault is None or fault.ends_at is None or fault.asked.kind not in DOOR_FAULTS:
            return None
        return max(fault.ends_at - now, 0.0)

    def shown(self) -> dict[str, Any]:
        """Return what is switched on, as asked for."""
        self._forget_what_is_over()
        return {name: msgspec.to_builtins(fault.asked) for name, fault in self._switched_on.items()}

    def _hitting(self, operation: Operation) -> Fault | None:
        if not self._switched_on:
            return None
        self._forget_what_is_over()
        fault = self._switched_on.get(operation.value) or self._switched_on.get(ALL)
        return fault if fault is not None and random.random() < fault.asked.share else None

    def _forget_what_is_over(self) -> None:
        now = time.monotonic()
        for name in [name for name, fault in self._switched_on.items() if fault.is_over(now)]:
            del self._switched_on[name]


def _check(operation: str, asked: FaultRequest) -> None:
    if operation not in OPERATIONS:
        raise ValueError("no such operation")
    if asked.kind not in KINDS:
        raise ValueError("no such kind; known: " + ", ".join(sorted(KINDS)))
    if (asked.kind == OVERLOAD) is not (asked.per_second is not None):
        raise ValueError("overload needs per_second, and no other kind has it")
    if asked.kind in DOOR_FAULTS and (operation != ALL or asked.share != 1 or asked.times is not None):
        raise ValueError("this kind is the listener's: operation all, no share, no times")
    if not 0 <= asked.share <= 1:
        raise ValueError("share is 0 to 1")
    if asked.status not in _WAYS_TO_FAIL:
        raise ValueError("status is 429 or 500 to 504")
