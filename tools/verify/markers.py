"""Finds people in bytes: given markers in clear, hex and base64, or, without markers, numbers shaped like a NIK."""

import base64
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Finds = Callable[[bytes], Iterator[str]]

# Sixteen digits with a possible province, day (women's + 40) and month; not part of a longer number, id or fraction.
_NIK_SHAPE = re.compile(
    rb"(?<![0-9A-Za-z.+/=-])[1-9][0-9]{5}(?:[04][1-9]|[1256][0-9]|[37][01])(?:0[1-9]|1[0-2])[0-9]{6}(?![0-9A-Za-z+/=-])"
)
# Alphanumeric markers need no other character in any of these forms, so a run of them holds a whole marker.
_CODED_RUN = re.compile(rb"[0-9A-Za-z]{8,}")
_SHORTEST = 6


@dataclass(frozen=True, slots=True)
class Needles:
    """Texts to look for, each known by its number, as one pattern."""

    pattern: re.Pattern[bytes]
    numbers: dict[bytes, int]

    @classmethod
    def of(cls, forms: Sequence[tuple[int, bytes]]) -> "Needles":
        """Make the pattern; many texts are searched at the price of a few."""
        numbers = {form: number for number, form in reversed(forms)}
        return cls(re.compile(_as_pattern(_trie(numbers))), numbers)

    def find(self, content: bytes) -> Iterator[int]:
        """Give the numbers of what is in there, each once."""
        yield from sorted({self.numbers[hit] for hit in self.pattern.findall(content)})


def by_shape(content: bytes) -> Iterator[str]:
    """Find numbers that look like a NIK; says only how many there are."""
    count = len(_NIK_SHAPE.findall(content))
    if count:
        yield f"{count} numbers of sixteen digits shaped like a NIK"


def by_markers(markers: Sequence[bytes]) -> Finds:
    """Make a search for these markers; it names a marker by its number, never by its text."""
    too_short = [number for number, marker in enumerate(markers) if len(marker) < _SHORTEST]
    if too_short:
        raise ValueError(f"markers shorter than {_SHORTEST} bytes match by chance", too_short)
    clear = Needles.of([(number, marker.lower()) for number, marker in enumerate(markers)])
    coded = Needles.of([(number, form) for number, marker in enumerate(markers) for form in _coded(marker)])

    def find(content: bytes) -> Iterator[str]:
        for number in clear.find(content.lower()):
            yield f"marker {number} in clear"
        for number in coded.find(b"\n".join(set(_CODED_RUN.findall(content)))):
            yield f"marker {number} in hex or base64"

    return find


def _coded(marker: bytes) -> Iterator[bytes]:
    yield marker.hex().encode()
    yield marker.hex().upper().encode()
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + marker)
        # Characters that also depend on the neighbours of the marker are left out.
        yield coded[(shift * 8 + 5) // 6 : (shift + len(marker)) * 8 // 6]


def _trie(forms: dict[bytes, int]) -> "dict[int, object]":
    root: dict[int, object] = {}
    for form in forms:
        node = root
        for byte in form:
            node = node.setdefault(byte, {})  # type: ignore[assignment]
        node[-1] = {}
    return root


def _as_pattern(node: "dict[int, object]") -> bytes:
    if not node:
        return b"(?!)"
    literal = b""
    while len(node) == 1 and -1 not in node:
        byte, node = next(iter(node.items()))  # type: ignore[assignment]
        literal += re.escape(bytes([byte]))
    if -1 in node:
        return literal  # the shortest of those that begin alike is enough
    return literal + b"(?:" + b"|".join(_as_pattern({byte: node[byte]}) for byte in sorted(node)) + b")"
