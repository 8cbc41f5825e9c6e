"""Where spans are kept: an append file of OTLP chunks, searched by bytes and parsed only when somebody looks.

A trace id stands in the protobuf as its 16 bytes, so finding a trace is a byte search, and taking spans in costs one
write: the sink shares two cores with what it watches.
"""

import mmap
import os
import threading
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tools.traces.spans import Span, spans_of

_LENGTH_BYTES = 4
_FULL_BYTES = 256 << 20


class Sink:
    """Keeps what arrives; when the file is full it is set aside as `spans.old` and begun anew."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "spans.otlp"
        self._end = 0
        self._reading = threading.Lock()
        self._open()

    def keep(self, chunk: bytes) -> None:
        """Append one export request as it came."""
        if self._end > _FULL_BYTES:
            self._set_aside()
        os.write(self._file, len(chunk).to_bytes(_LENGTH_BYTES, "big") + chunk)
        start, self._end = self._end, self._end + _LENGTH_BYTES + len(chunk)
        self._starts.append(start)

    def trace(self, trace_id: str) -> list[Span]:
        """Give all spans of a trace, by start."""
        found = [span for span in self._spans(bytes.fromhex(trace_id)) if span.trace_id == trace_id]
        return sorted(found, key=lambda span: span.start_ns)

    def pointing_at(self, trace_id: str) -> list[Span]:
        """Give the spans of other traces that link to this one."""
        others = [span for span in self._spans(bytes.fromhex(trace_id)) if span.trace_id != trace_id]
        return [span for span in others if any(link.trace_id == trace_id for link in span.links)]

    def find(self, *, name: str = "", attribute: tuple[str, str] | None = None, limit: int = 1000) -> list[Span]:
        """Give spans of this name and attribute value, newest first."""
        found: list[Span] = []
        for span in self._spans(_needle(name, attribute)):
            has_attribute = attribute is None or _text(span.attributes.get(attribute[0])) == attribute[1]
            if (not name or span.name == name) and has_attribute:
                found.append(span)
        return sorted(found, key=lambda span: -span.start_ns)[:limit]

    def latest(self, limit: int = 50) -> list[Span]:
        """Give the newest root spans."""
        with self._reading:
            spans = [span for start in self._starts[-limit:] for span in self._parsed(start)]
        roots = [span for span in spans if not span.parent_span_id]
        return sorted(roots, key=lambda span: -span.start_ns)[:limit]

    def close(self) -> None:
        """Close the file; it stays for who wants to search it."""
        os.close(self._file)

    def _open(self) -> None:
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._starts: list[int] = []
        self._end, size = 0, self._path.stat().st_size
        while self._end + _LENGTH_BYTES <= size:
            length = int.from_bytes(os.pread(self._file, _LENGTH_BYTES, self._end), "big")
            if self._end + _LENGTH_BYTES + length > size:
                break
            self._starts.append(self._end)
            self._end += _LENGTH_BYTES + length
        os.ftruncate(self._file, self._end)  # a chunk cut by a kill is dropped

    def _set_aside(self) -> None:
        with self._reading:
            os.close(self._file)
            self._path.replace(self._path.with_suffix(".old"))
            self._open()

    def _spans(self, needle: bytes) -> list[Span]:
        with self._reading:
            return [span for start in self._chunks_with(needle) for span in self._parsed(start)]

    def _chunks_with(self, needle: bytes) -> Iterator[int]:
        count = len(self._starts)
        if not count:
            return
        with mmap.mmap(self._file, self._end, access=mmap.ACCESS_READ) as view:
            position = view.find(needle)
            while position >= 0:
                place = bisect_right(self._starts, position, hi=count) - 1
                yield self._starts[place]
                if place + 1 == count:
                    return
                position = view.find(needle, self._starts[place + 1])

    def _parsed(self, start: int) -> Iterator[Span]:
        length = int.from_bytes(os.pread(self._file, _LENGTH_BYTES, start), "big")
        yield from spans_of(ExportTraceServiceRequest.FromString(os.pread(self._file, length, start + _LENGTH_BYTES)))


def _needle(name: str, attribute: tuple[str, str] | None) -> bytes:
    """Choose the rarest text to look for; numbers and truths are not written as text."""
    key, value = attribute or ("", "")
    is_written = value not in ("", "true", "false") and not value.replace(".", "").lstrip("-").isdigit()
    return (value if is_written else name or key).encode()


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
