"""The line tells a request's first bytes from a handshake's, however the bytes are cut up."""

import itertools
import struct

from hypothesis import given
from hypothesis import strategies as st

from tools.line.turns import Turns

_CHANGE, _HELLO, _HIDDEN = 20, 22, 23


def record(kind: int, size: int) -> bytes:
    return struct.pack("!BHH", kind, 0x0303, size) + bytes(size)


_SERVER_13 = record(_HELLO, 122) + record(_CHANGE, 1) + record(_HIDDEN, 23) + record(_HIDDEN, 1800)
_CLIENT_13 = record(_CHANGE, 1) + record(_HIDDEN, 53)
_SERVER_12 = record(_CHANGE, 1) + record(_HELLO, 40)


@given(st.lists(st.integers(0, len(_SERVER_13)), max_size=12))
def test_the_last_flight_of_tls_13_is_seen_in_whatever_pieces_it_comes(cuts: list[int]) -> None:
    turns, edges = Turns(), sorted({0, *cuts, len(_SERVER_13)})
    turns.hear_near(record(_HELLO, 512))

    begins = [turns.hear_far(_SERVER_13[start:end]) for start, end in itertools.pairwise(edges)]

    # Once, or again for each piece of the flight but never after a request has begun: asked bytes stay 0.
    assert any(begins)
    assert turns.is_idle
    assert not turns.hear_near(_CLIENT_13)
    assert turns.hear_near(record(_HIDDEN, 400))


def test_a_finished_that_comes_with_its_request_is_a_request() -> None:
    turns = Turns()
    turns.hear_near(record(_HELLO, 512))
    turns.hear_far(_SERVER_13)

    assert turns.hear_near(_CLIENT_13 + record(_HIDDEN, 400))


def test_each_answer_lets_another_request_begin() -> None:
    turns = Turns()
    turns.hear_far(_SERVER_13)

    for _ in range(3):
        assert turns.hear_near(record(_HIDDEN, 400))
        assert not turns.hear_near(record(_HIDDEN, 16_000))
        assert not turns.is_idle
        assert turns.hear_far(record(_HIDDEN, 200))
        assert not turns.hear_far(record(_HIDDEN, 16_000))
        assert turns.is_idle


def test_tls_12_is_over_with_the_far_sides_finished() -> None:
    turns = Turns()
    turns.hear_near(record(_HELLO, 512))
    assert not turns.hear_far(record(_HELLO, 3000))
    assert not turns.hear_near(record(_HELLO, 70) + record(_CHANGE, 1) + record(_HELLO, 40))

    assert turns.hear_far(_SERVER_12)
    assert turns.hear_near(record(_HIDDEN, 400))
