"""Spans and logs tell what happened and never what was said."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from shared.telemetry import FinishedSpan, Telemetry, child, context_of

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
MADE = f"00-{TRACE}-{SPAN}-01"
MARKER = "CONTOH SATU 3216060000000001"

LOGGING = f"""
import asyncio, gc, logging, structlog
from shared.telemetry import set_up_logs
set_up_logs("test")

def quote_a_person():
    raise ValueError("{MARKER}")

async def fails():
    quote_a_person()

async def main():
    lost = asyncio.ensure_future(fails())
    await asyncio.sleep(0.01)
    del lost
    gc.collect()

try:
    quote_a_person()
except ValueError as error:
    structlog.get_logger().exception("it raised", recording_id="x")
    structlog.get_logger().error("it raised elsewhere", exc_info=error)
    logging.getLogger("library").exception("%s", "{MARKER}")
structlog.get_logger().error("told later", exc_info=ValueError("{MARKER}"))
asyncio.run(main())
"""


@dataclass
class Sink:
    """A collector that keeps what it was sent."""

    url: str
    requests: list[ExportTraceServiceRequest]

    @property
    def spans(self) -> list[Any]:
        """All spans, in the order they came."""
        return [s for r in self.requests for rs in r.resource_spans for ss in rs.scope_spans for s in ss.spans]


@pytest.fixture
def sink() -> Iterator[Sink]:
    kept: list[ExportTraceServiceRequest] = []

    class Keep(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                raise AssertionError
            kept.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    with HTTPServer(("127.0.0.1", 0), Keep) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield Sink(f"http://127.0.0.1:{server.server_port}", kept)
        server.shutdown()
        thread.join(5)


def test_a_log_shows_kind_and_place_of_an_exception_but_not_its_words() -> None:
    command = [sys.executable, "-c", LOGGING]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)  # noqa: S603  our own words

    assert MARKER not in ran.stdout + ran.stderr
    assert ran.stdout.count("quote_a_person") == 4
    assert ran.stdout.count("ValueError") == 5


def test_a_batch_span_has_at_most_128_links_and_names_its_failure_without_its_words(sink: Sink) -> None:
    telemetry = Telemetry("test", sink.url)
    events = [SimpleNamespace(topic="intake.events", headers={"ce_traceparent": MADE}) for _ in range(300)]

    with pytest.raises(ValueError, match="CONTOH"), telemetry.sending(events) as hop:
        raise ValueError(MARKER)
    telemetry.shut_down()

    [span] = sink.spans
    assert (span.name, len(span.links), span.links[0].trace_id.hex()) == ("send intake.events", 128, TRACE)
    assert f"{span.trace_id.hex()}-{span.span_id.hex()}" in hop
    assert (span.status.code, span.status.message) == (2, "")
    assert {a.key: a.value.string_value for a in span.attributes}["error.type"] == "ValueError"
    assert MARKER.encode() not in sink.requests[0].SerializeToString()


def test_a_span_told_afterwards_keeps_the_ids_of_its_row(sink: Sink) -> None:
    telemetry = Telemetry("test", sink.url)
    attempt = FinishedSpan("attempt submission", TRACE, SPAN, 1, 9, {"rekam.stage": "submission"}, links=[MADE, "bad"])
    phase = child(attempt, "connect", 2, 3, "network")

    telemetry.record(
        FinishedSpan(**{name: getattr(attempt, name) for name in attempt.__slots__} | {"children": [phase]})
    )
    telemetry.shut_down()

    told, below = sink.spans
    assert (told.trace_id.hex(), told.span_id.hex(), told.start_time_unix_nano) == (TRACE, SPAN, 1)
    assert [link.span_id.hex() for link in told.links] == [SPAN]
    assert (below.trace_id.hex(), below.parent_span_id.hex(), below.status.code) == (TRACE, SPAN, 2)


def test_spans_that_nobody_collects_cost_nothing() -> None:
    telemetry = Telemetry("test", "")

    telemetry.record(FinishedSpan("attempt", TRACE, SPAN, 1, 2, {}))
    telemetry.shut_down()


@pytest.mark.parametrize("broken", ["", "00", f"00-{TRACE}-{SPAN}", f"00-{TRACE[:-1]}g-{SPAN}-01", f"00-{TRACE}-0-01"])
def test_a_malformed_traceparent_is_absent(broken: str) -> None:
    assert context_of(broken) is None
