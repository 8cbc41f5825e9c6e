"""The line's name server reads what comes and answers for one name."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from tools.line.names import answer, failure, read_question

_A, _AAAA = 1, 28


def query(name: str, kind: int = _A) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, 1)


def code_and_answers(packet: bytes) -> tuple[int, int]:
    _, flags, _, answers, _, _ = struct.unpack_from("!6H", packet)
    return flags & 15, answers


def test_the_known_name_has_its_address_and_no_other_kind_of_it() -> None:
    known, other_kind = read_question(query("Centre.Test")), read_question(query("centre.test", _AAAA))
    assert known is not None
    assert other_kind is not None

    reply = answer(known, "centre.test", "10.1.2.3")

    assert (code_and_answers(reply), reply[-4:], reply[:2]) == ((0, 1), bytes([10, 1, 2, 3]), b"\0\x07")
    assert code_and_answers(answer(other_kind, "centre.test", "10.1.2.3")) == (0, 0)


def test_another_name_does_not_exist_and_a_failing_server_says_so() -> None:
    question = read_question(query("elsewhere.test"))
    assert question is not None

    assert code_and_answers(answer(question, "centre.test", "10.1.2.3")) == (3, 0)
    assert code_and_answers(failure(question)) == (2, 0)


@given(st.binary(max_size=80))
def test_what_is_no_question_is_none(packet: bytes) -> None:
    question = read_question(packet)

    assert question is None or packet[12:].startswith(question.asked)
