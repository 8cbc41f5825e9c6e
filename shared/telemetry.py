"""Logs, spans and their rules: constant messages, one span per batch, no personal data anywhere.

Names follow the OpenTelemetry messaging conventions and API §8; `docs/contracts/telemetry.yaml` lists them.
"""

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from traceback import extract_tb
from types import TracebackType
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.span import TraceState

from shared.ids import span_id as new_span_id

_MOST_LINKS = 128  # the SDK's cap; per-message values beyond it are in the ledger


@dataclass(frozen=True, slots=True)
class FinishedSpan:
    """A span made after the fact, from a row that already has its ids and times (nanoseconds since 1970)."""

    name: str
    trace_id: str
    span_id: str
    start_ns: int
    end_ns: int
    attributes: Mapping[str, str | int | float | bool]
    parent_span_id: str | None = None
    links: Sequence[str] = ()
    failed_because: str | None = None
    children: Sequence["FinishedSpan"] = field(default=())


class Telemetry:
    """The tracer of one service."""

    def __init__(self, service: str, otlp_url: str) -> None:
        self._resource = Resource.create({"service.name": service})
        provider = TracerProvider(resource=self._resource)
        self._processor: SpanProcessor | None = None
        if otlp_url:
            exporter = OTLPSpanExporter(endpoint=f"{otlp_url}/v1/traces", timeout=5)
            self._processor = BatchSpanProcessor(exporter, max_queue_size=20_000, max_export_batch_size=1_000)
            provider.add_span_processor(self._processor)
        trace.set_tracer_provider(provider)
        self._provider = provider
        self.tracer = provider.get_tracer("rekam")

    @contextmanager
    def sending(self, events: Sequence[Any]) -> Iterator[str]:
        """Span around one publish, linked to where its events were made; gives the hop's traceparent."""
        topic = events[0].topic
        made = [event.headers["ce_traceparent"] for event in events[:_MOST_LINKS]]
        with self._batch_span("send", topic, kind=SpanKind.CLIENT, made=made, count=len(events)) as span:
            yield traceparent_of(span.get_span_context())

    @contextmanager
    def processing(self, group: str, heard: Sequence[Any]) -> Iterator[None]:
        """Span around one batch of a consumer, linked to where its events were made."""
        topic = heard[0].held.topic
        made = [one.event.traceparent for one in heard[:_MOST_LINKS] if one.event is not None]
        with self._batch_span("process", topic, kind=SpanKind.CONSUMER, made=made, count=len(heard), group=group):
            yield

    def record(self, span: FinishedSpan) -> None:
        """Hand a finished span and its children to the exporter."""
        if self._processor is None:
            return
        for one in (span, *span.children):
            self._processor.on_end(_readable(one, self._resource))

    def shut_down(self) -> None:
        """Send what is buffered; at most a few seconds."""
        if self._processor is not None:
            self._processor.force_flush(3_000)
        self._provider.shutdown()

    @contextmanager
    def _batch_span(
        self, operation: str, topic: str, *, kind: SpanKind, made: Sequence[str], count: int, group: str = ""
    ) -> Iterator[trace.Span]:
        attributes: dict[str, str | int] = {
            "messaging.system": "kafka",
            "messaging.destination.name": topic,
            "messaging.operation.name": operation,
            "messaging.operation.type": operation,
            "messaging.batch.message_count": count,
        }
        if group:
            attributes["messaging.consumer.group.name"] = group
        links = [Link(context) for parent in made if (context := context_of(parent))]
        with self.tracer.start_as_current_span(
            f"{operation} {topic}",
            kind=kind,
            attributes=attributes,
            links=links,
            record_exception=False,
            set_status_on_exception=False,  # its description would quote the exception's message
        ) as span:
            try:
                yield span
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR)
                raise


def current_traceparent() -> str:
    """Write the present span as W3C traceparent; empty when there is none."""
    context = trace.get_current_span().get_span_context()
    return traceparent_of(context) if context.is_valid else ""


def traceparent_of(context: SpanContext) -> str:
    """Write a span context as W3C traceparent."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def context_of(traceparent: str) -> SpanContext | None:
    """Read a W3C traceparent; absent when it is empty or malformed."""
    parts = traceparent.split("-")
    if len(parts) != 4 or len(parts[1]) != 32 or len(parts[2]) != 16:  # noqa: PLR2004  lengths of W3C traceparent
        return None
    try:
        return SpanContext(int(parts[1], 16), int(parts[2], 16), is_remote=True, trace_flags=TraceFlags(1))
    except ValueError:
        return None


def _readable(span: FinishedSpan, resource: Resource) -> ReadableSpan:
    trace_id = int(span.trace_id, 16)
    parent = SpanContext(trace_id, int(span.parent_span_id, 16), is_remote=False) if span.parent_span_id else None
    attributes = dict(span.attributes)
    if span.failed_because:
        attributes["error.type"] = span.failed_because
    return ReadableSpan(
        name=span.name,
        context=SpanContext(trace_id, int(span.span_id, 16), False, TraceFlags(1), TraceState()),
        parent=parent,
        resource=resource,
        attributes=attributes,
        links=[Link(context) for made in span.links[:_MOST_LINKS] if (context := context_of(made))],
        kind=SpanKind.CLIENT,
        status=Status(StatusCode.ERROR if span.failed_because else StatusCode.OK),
        start_time=span.start_ns,
        end_time=span.end_ns,
    )


def child(parent: FinishedSpan, name: str, start_ns: int, end_ns: int, failed_because: str | None) -> FinishedSpan:
    """Make a child of a finished span, such as one phase of an attempt."""
    return FinishedSpan(
        name, parent.trace_id, new_span_id(), start_ns, end_ns, {}, parent.span_id, failed_because=failed_because
    )


def set_up_logs(service: str) -> None:
    """Write JSON lines to standard output; an exception shows its kind and where, never its message."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            lambda _logger, _method, line: {"service": service, **line},
            _without_messages,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=True,
    )
    plain = logging.StreamHandler(sys.stdout)
    plain.setFormatter(_WithoutMessages("%(name)s %(levelname)s"))
    logging.basicConfig(level=logging.ERROR, handlers=[plain])
    # What the Kafka client meets is told by our own consumer, producer and relay, once and with a cause.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def _without_messages(_logger: Any, _method: str, line: Any) -> Any:
    """PostgreSQL quotes the offending row in its messages: keep the class and the frames, drop the words."""
    if told := line.pop("exc_info", None):
        error = told if isinstance(told, BaseException) else sys.exc_info()[1]
        line["exception"] = type(error).__name__ if error else ""
        line["frames"] = _frames(error.__traceback__ if error else None)
    return line


class _WithoutMessages(logging.Formatter):
    """The same for libraries, such as asyncio's `exception was never retrieved`."""

    def formatException(self, ei: Any) -> str:  # noqa: N802  the name is logging's
        return f"{ei[0].__name__} {_frames(ei[2])}"


def _frames(frames: TracebackType | None) -> list[str]:
    return [f"{frame.name}:{frame.lineno}" for frame in extract_tb(frames)[-6:]]
