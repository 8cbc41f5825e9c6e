"""A receipt read aloud over a counter survives one mistake: it is noticed."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.intake.domain.receipts import ALPHABET, BITS, MalformedReceipt, read_receipt, receipt_of

NUMBERS = st.integers(0, 2**BITS - 1)
PLACES = (0, 1, 2, 3, 5, 6, 7, 8, 10)


@given(NUMBERS)
def test_a_receipt_is_read_as_it_was_written(number: int) -> None:
    code = receipt_of(number)

    assert read_receipt(code) == code
    assert len(code) == 11
    assert set(code) <= {*ALPHABET, "-"}


@given(NUMBERS)
def test_lower_case_without_dashes_and_look_alikes_are_read(number: int) -> None:
    code = receipt_of(number)
    typed = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")

    assert read_receipt(typed) == code


@given(NUMBERS, st.sampled_from(PLACES), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_noticed(number: int, place: int, wrong: str) -> None:
    code = receipt_of(number)
    assume(code[place] != wrong)

    with pytest.raises(MalformedReceipt):
        read_receipt(code[:place] + wrong + code[place + 1 :])


@given(NUMBERS, st.sampled_from(PLACES), st.sampled_from(PLACES))
def test_two_exchanged_characters_are_noticed(number: int, one: int, other: int) -> None:
    code = list(receipt_of(number))
    assume(code[one] != code[other])
    code[one], code[other] = code[other], code[one]

    with pytest.raises(MalformedReceipt):
        read_receipt("".join(code))


@pytest.mark.parametrize("text", ["", "ABCD-EFGH", "ABCD-EFGH-UU", "UUUU-UUUU-U", "💳" * 9])
def test_what_is_no_receipt_is_refused(text: str) -> None:
    with pytest.raises(MalformedReceipt):
        read_receipt(text)
