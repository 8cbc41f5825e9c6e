"""The page of one trace: a tree with bars, readable without scripts."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from tools.traces.spans import Span, moment

_STYLE = """
body{font:14px/1.45 system-ui,sans-serif;margin:1.5rem;color:#1b1b1b;background:#fff}
h1{font-size:1.2rem} code{font-size:.85rem} a{color:#0b4fa8}
details{border-top:1px solid #ddd;padding:.3rem 0} summary{display:grid;grid-template-columns:minmax(16rem,2fr) 3fr 7rem;gap:.8rem;cursor:pointer}
.name{overflow-wrap:anywhere} .lane{position:relative;background:#f2f2f2;height:1rem;align-self:center}
.bar{position:absolute;top:0;bottom:0;min-width:2px;background:#3b73b9} .error .bar{background:#b3261e} .error .name{color:#b3261e;font-weight:600}
table{border-collapse:collapse;margin:.4rem 0 .6rem 1.5rem} td,th{padding:.1rem .8rem .1rem 0;text-align:left;vertical-align:top;font-weight:400}
th{color:#555} .muted{color:#555}
"""  # noqa: E501  one rule a line


def trace_page(trace_id: str, spans: Sequence[Span], pointing: Sequence[Span]) -> str:
    """Draw a trace."""
    begin = min(span.start_ns for span in spans)
    whole = max(max(span.end_ns for span in spans) - begin, 1)
    rows = "".join(_row(span, depth, begin, whole) for span, depth in _walk(spans))
    later = "".join(f"<li>{_anchor(s.trace_id)} {escape(s.name)} {moment(s.start_ns)}</li>" for s in pointing[:50])
    head = f"<p class=muted>{moment(begin)} · {whole / 1e6:.1f} ms · {len(spans)} spans</p>"
    return _page(
        f"Trace {trace_id}",
        head
        + rows
        + (f"<h2>Linked from</h2><ul>{later}</ul>" if later else "")
        + "<p><a href='/'>latest traces</a></p>",
    )


def latest_page(spans: Sequence[Span]) -> str:
    """List the newest traces."""
    rows = "".join(
        f"<tr><td>{_anchor(s.trace_id)}<td>{escape(s.service)}<td>{escape(s.name)}<td>{s.status}"
        f"<td>{s.duration_ms:.1f} ms<td>{moment(s.start_ns)}"
        for s in spans
    )
    return _page("Latest traces", f"<table>{rows}</table>" if rows else "<p>Nothing arrived yet.</p>")


def _walk(spans: Sequence[Span]) -> Iterator[tuple[Span, int]]:
    """Parents before children; a span whose parent never arrived stands as a root."""
    ids = {span.span_id for span in spans}
    children: dict[str, list[Span]] = {}
    for span in spans:
        children.setdefault(span.parent_span_id if span.parent_span_id in ids else "", []).append(span)
    waiting = [(span, 0) for span in reversed(children.get("", []))]
    while waiting:
        span, depth = waiting.pop()
        yield span, depth
        waiting.extend((child, depth + 1) for child in reversed(children.get(span.span_id, [])))


def _row(span: Span, depth: int, begin: int, whole: int) -> str:
    left, width = 100 * (span.start_ns - begin) / whole, 100 * (span.end_ns - span.start_ns) / whole
    facts = {"service": span.service, "kind": span.kind, "span": span.span_id, "status": span.status}
    if span.status_message:
        facts["message"] = span.status_message
    return (
        f"<details class={span.status}{' open' if span.status == 'error' or not depth else ''}><summary>"
        f"<span class=name style='padding-left:{depth * 1.2:.1f}rem'>{escape(span.name)}</span>"
        f"<span class=lane><span class=bar style='left:{left:.2f}%;width:{width:.2f}%'></span></span>"
        f"<span>{span.duration_ms:.2f} ms</span></summary>"
        f"{_table(facts | span.attributes)}{_links(span)}{_events(span)}</details>"
    )


def _links(span: Span) -> str:
    return "".join(f"<table><tr><th>link<td>{_anchor(e.trace_id)} {_inline(e.attributes)}</table>" for e in span.links)


def _events(span: Span) -> str:
    return "".join(
        f"<table><tr><th>event<td>{escape(name)} +{(at - span.start_ns) / 1e6:.2f} ms {_inline(more)}</table>"
        for name, at, more in span.events
    )


def _table(facts: dict[str, Any]) -> str:
    rows = "".join(f"<tr><th>{escape(key)}<td>{escape(str(value))}" for key, value in facts.items())
    return f"<table>{rows}</table>"


def _inline(attributes: dict[str, Any]) -> str:
    return escape(" ".join(f"{key}={value}" for key, value in attributes.items()))


def _anchor(trace_id: str) -> str:
    return f"<a href='/traces/{trace_id}'><code>{trace_id}</code></a>"


def _page(title: str, body: str) -> str:
    head = f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title><style>{_STYLE}</style>"
    return f"{head}<main><h1>{escape(title)}</h1>{body}</main></html>"
