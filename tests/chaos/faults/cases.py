"""The labelled cases (API §7): each says what is broken, whom it hits, and what an honest verdict says of it."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from shared.events.vocabulary import Cause, Effect, NextAction, Operation, Owner

# `packets`: by iptables in a network namespace, so that no process of ours has a hand in what is lost.
Side = Literal["centre", "line", "own", "packets"]
CHECK, SUBMIT, ASK, PRINT, SUKET = (
    Operation.IDENTITY_CHECK,
    Operation.SUBMISSION,
    Operation.ASK,
    Operation.CARD_PRINT,
    Operation.SUKET,
)


@dataclass(frozen=True, slots=True)
class Case:
    """One fault and its label; `cause` None means that the calls work. `owner` is who may be named at the end."""

    side: Side
    kind: str
    operation: Operation
    cause: Cause | None
    effect: Effect | None
    owner: Owner
    hits_all: bool = False  # the fault is not of one operation: probes meet it too
    how: dict[str, Any] = field(default_factory=dict)
    until_second_source: Cause | None = None  # what one witness alone may say
    large: bool = False
    some_work: bool = False  # part of the calls go through
    is_fresh: bool = False  # no connection is open when it begins: a call by such a one may know nothing of it

    @property
    def name(self) -> str:
        """Say what is broken and whom it hits."""
        told = "".join(f" {name}={value}" for name, value in self.how.items() if name in ("status", "neutral", "days"))
        return f"{self.side}: {self.kind}{told} on {self.operation}{', fresh' if self.is_fresh else ''}"

    @property
    def verdict(self) -> str:
        """What the link verdict of the operation must become."""
        return self.cause or "fine"

    @property
    def waits_for_verdict(self) -> bool:
        """Whether a link verdict is due: what works, and our own faults of one call, are no verdict on the line."""
        return self.cause in (Cause.NETWORK, Cause.SERVER) or self.kind == "clock_off"

    @property
    def is_of_the_machine(self) -> bool:
        """Whether it is switched outside all processes, by whoever made the installation."""
        return self.side == "packets" or self.kind == "clock_off"

    def next_action(self, cause: Cause, effect: Effect) -> NextAction:
        """What must follow a failure of this operation (ARCHITECTURE §4)."""
        if effect is Effect.POSSIBLE and self.operation is SUBMIT:
            return NextAction.ASK_CENTRE
        if cause is Cause.NETWORK:
            return NextAction.WAIT_FOR_LINK
        return NextAction.PARK if self.kind == "packet_missing" else NextAction.TRY_AGAIN


def _centre(kind: str, operation: Operation, effect: Effect | None, **how: Any) -> Case:
    cause = None if effect is None else Cause.SERVER
    return Case("centre", kind, operation, cause, effect, Owner.CENTRE, how=how)


def _door(kind: str) -> Case:
    return Case("centre", kind, CHECK, Cause.SERVER, Effect.NONE, Owner.CENTRE, hits_all=True)


def _line(kind: str, operation: Operation, effect: Effect | None, owner: Owner, **how: Any) -> Case:
    cause = None if effect is None else Cause.NETWORK
    return Case("line", kind, operation, cause, effect, owner, hits_all=True, how=how, large=kind == "cut_after_bytes")


NONE, POSSIBLE = Effect.NONE, Effect.POSSIBLE
PATH, ACCESS = Owner.CENTRE_NETWORK, Owner.CARRIER

CASES = (
    _door("refuse"),
    _door("close_after_accept"),
    _door("tls_expired"),
    _door("tls_wrong_host"),
    _centre("hang", CHECK, POSSIBLE),
    _centre("hang", SUBMIT, POSSIBLE),
    _centre("hang", ASK, POSSIBLE),
    _centre("slow", SUBMIT, POSSIBLE),
    _centre("slow", PRINT, POSSIBLE),
    _centre("effect_then_hang", SUBMIT, POSSIBLE),
    _centre("effect_then_hang", SUKET, POSSIBLE),
    _centre("status", SUBMIT, POSSIBLE, status=500),
    _centre("status", ASK, POSSIBLE, status=502),
    _centre("status", CHECK, NONE, status=503),
    _centre("status", PRINT, POSSIBLE, status=504),
    _centre("status", SUKET, NONE, status=429),
    _centre("status", CHECK, POSSIBLE, status=501),
    Case(
        "centre",
        "overload",
        CHECK,
        Cause.SERVER,
        NONE,
        Owner.CENTRE,
        how={"per_second": 1, "queue": 0},
        some_work=True,
    ),
    _centre("html_200", CHECK, POSSIBLE),
    _centre("html_200", SUBMIT, POSSIBLE),
    _centre("garbage", ASK, POSSIBLE),
    _centre("garbage", SUBMIT, POSSIBLE),
    _centre("truncated", PRINT, POSSIBLE),
    _centre("truncated", SUBMIT, POSSIBLE),
    _centre("effect_then_lost", SUBMIT, POSSIBLE),
    _centre("effect_then_lost", SUKET, POSSIBLE),
    _centre("reset", SUBMIT, POSSIBLE),
    _centre("reset", CHECK, POSSIBLE),
    Case("centre", "stops_reading", SUBMIT, Cause.SERVER, POSSIBLE, Owner.CENTRE, large=True),
    _centre("duplicate_ack", SUBMIT, None),
    _line("down", CHECK, NONE, ACCESS, neutral=True),
    _line("down", SUBMIT, NONE, PATH, neutral=False),
    _line("down", PRINT, NONE, PATH, neutral=False),
    _line("cut_before_request", SUBMIT, POSSIBLE, PATH),
    _line("cut_before_request", CHECK, POSSIBLE, PATH),
    _line("cut_while_waiting", SUBMIT, POSSIBLE, PATH),
    _line("cut_while_waiting", SUKET, POSSIBLE, PATH),
    _line("cut_after_bytes", SUBMIT, POSSIBLE, PATH, after_bytes=100_000),
    Case("line", "reject", CHECK, Cause.NETWORK, NONE, PATH, hits_all=True, until_second_source=Cause.SERVER),
    Case("line", "reject", SUBMIT, Cause.NETWORK, NONE, PATH, hits_all=True, until_second_source=Cause.SERVER),
    _line("latency", CHECK, None, PATH, milliseconds=300),
    _line("bandwidth", SUBMIT, None, PATH, bytes_per_second=200_000),
    Case("own", "packet_missing", SUBMIT, Cause.LOCAL, NONE, Owner.US),
    # An answer that lay in the socket meanwhile is an answer.
    Case("own", "loop_blocked", CHECK, Cause.LOCAL, POSSIBLE, Owner.US, some_work=True),
)


def _cut(side: Side, kind: str, operation: Operation, *, is_fresh: bool = True) -> Case:
    alone = Cause.SERVER if kind == "reject" else None
    label = Case(side, kind, operation, Cause.NETWORK, NONE, PATH, hits_all=True, is_fresh=is_fresh)
    return replace(label, until_second_source=alone)


def _clock_off(days: int) -> Case:
    return Case(
        "own", "clock_off", CHECK, Cause.LOCAL, NONE, Owner.US, hits_all=True, how={"days": days}, is_fresh=True
    )


# Played where the far side is a network of its own (test_true_cuts.py).
CUTS = (
    _cut("packets", "dns", CHECK),
    _cut("line", "dns", CHECK),
    _cut("packets", "drop", CHECK),
    _cut("packets", "drop", SUBMIT, is_fresh=False),
    _cut("packets", "reject", CHECK),
    _cut("packets", "reject", CHECK, is_fresh=False),
)
# Played where our own machines have another time than everybody else (test_our_clock_is_off.py).
CLOCKS = (_clock_off(-40), _clock_off(900))
SMOKE = tuple(
    case
    for case in CASES
    if (case.kind, case.operation) in {("refuse", CHECK), ("effect_then_lost", SUBMIT), ("reject", CHECK)}
    or (case.kind == "down" and case.operation is CHECK)
)
