"""The code on a receipt: eight characters of Crockford's base 32 and one check character of the same 32.

The characters are elements of the field of 32; with weights a, a², … a⁸ and 1 for the check, any single wrong
character and any two exchanged ones give a sum that is not zero.
"""

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BITS = 40
_LENGTH = 9
_POLYNOMIAL = 0b100101
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_LOOKS_LIKE = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


class MalformedReceipt(ValueError):
    """A character was misread or left out."""


def receipt_of(number: int) -> str:
    """Write a number of 40 bits as `XXXX-XXXX-C`."""
    values = [number >> shift & 31 for shift in range(BITS - 5, -1, -5)]
    text = "".join(ALPHABET[value] for value in (*values, _check_of(values)))
    return f"{text[:4]}-{text[4:8]}-{text[8]}"


def read_receipt(text: str) -> str:
    """Give the code as it is printed; lower case is read, and O as 0, I and L as 1."""
    plain = text.upper().translate(_LOOKS_LIKE)
    values = [_VALUES.get(character, -1) for character in plain]
    if len(values) != _LENGTH or -1 in values or _check_of(values[:-1]) != values[-1]:
        raise MalformedReceipt("is not a receipt code; read it again")
    return f"{plain[:4]}-{plain[4:8]}-{plain[8]}"


def _times(left: int, right: int) -> int:
    product = 0
    while right:
        product ^= left * (right & 1)
        left <<= 1
        left ^= _POLYNOMIAL * (left >> 5)
        right >>= 1
    return product


def _weighted() -> list[list[int]]:
    weight, tables = 1, []
    for _ in range(_LENGTH - 1):
        weight = _times(weight, 2)
        tables.append([_times(weight, value) for value in range(32)])
    return tables


_TABLES = _weighted()


def _check_of(values: list[int]) -> int:
    check = 0
    for table, value in zip(_TABLES, values, strict=True):
        check ^= table[value]
    return check
