"""Refusals as RFC 9457 problems: one class per kind, its docstring is the title, no personal value in any of them."""

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from shared.postgres.pool import AWAY, DatabaseAway

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """Something here broke."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Sequence[Mapping[str, str]] = (),
        retry_after: int | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(self.slug)
        self.detail = detail
        self.errors = list(errors)
        self.retry_after = retry_after
        self.extra = dict(extra or {})

    @classmethod
    def title(cls) -> str:
        """Give the first sentence of the docstring."""
        return inspect.cleandoc(cls.__doc__ or cls.slug).partition("\n")[0].rstrip(".")

    def headers(self) -> dict[str, str]:
        """Give the headers this refusal adds to its answer."""
        return {} if self.retry_after is None else {"retry-after": str(self.retry_after)}


class BadRequest(Problem):
    """The request cannot be read."""

    status, slug = 400, "malformed"


class MissingIdempotencyKey(Problem):
    """This POST changes something and needs an Idempotency-Key header."""

    status, slug = 400, "missing-idempotency-key"


class Unauthorized(Problem):
    """A bearer token of the issuer is needed."""

    status, slug = 401, "no-token"

    def headers(self) -> dict[str, str]:
        """Say which scheme is asked for."""
        fault = "" if self.slug == "no-token" else ' error="invalid_token"'
        return super().headers() | {"www-authenticate": f"Bearer{fault}"}


class MissingScope(Problem):
    """The token lacks the scope of this verb."""

    status, slug = 403, "missing-scope"


class NotFound(Problem):
    """There is no such thing here, or not for you."""

    status, slug = 404, "not-found"


class MethodNotAllowed(Problem):
    """This address does not know this method."""

    status, slug = 405, "method-not-allowed"


class Conflict(Problem):
    """The present state does not allow this."""

    status, slug = 409, "conflict"


class KeyInUse(Problem):
    """The first request with this Idempotency-Key is still running."""

    status, slug, retryable = 409, "key-in-use", True

    def __init__(self) -> None:
        super().__init__("Ask again in a moment; the first answer will be repeated.", retry_after=1)


class PreconditionFailed(Problem):
    """It was changed since you read it."""

    status, slug = 412, "precondition-failed"


class TooLarge(Problem):
    """The body is larger than this address takes."""

    status, slug = 413, "too-large"


class UnsupportedMedia(Problem):
    """The body has a content type this address does not take."""

    status, slug = 415, "unsupported-media"


class Invalid(Problem):
    """The request is readable, but something in it does not fit."""

    status, slug = 422, "invalid"


class KeyReused(Problem):
    """This Idempotency-Key was used before with another body."""

    status, slug = 422, "key-reused"


class PreconditionRequired(Problem):
    """A correction needs an If-Match header."""

    status, slug = 428, "precondition-required"


class TooMany(Problem):
    """Too many requests."""

    status, slug, retryable = 429, "too-many", True


class Unavailable(Problem):
    """Something this service stands on is away for the moment."""

    status, slug, retryable = 503, "unavailable", True


_BY_STATUS: dict[int, type[Problem]] = {
    problem.status: problem
    for problem in (BadRequest, MissingScope, NotFound, MethodNotAllowed, TooLarge, UnsupportedMedia, Unavailable)
}


def problem_of(error: Exception) -> Problem:
    """Translate what reached the edge into a problem; the unexpected becomes a bare 500."""
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return _invalid(error)
        case HTTPException():
            return _BY_STATUS.get(error.status_code, BadRequest if error.status_code < 500 else Problem)()  # noqa: PLR2004  the border between their fault and ours
        case _ if isinstance(error, (*AWAY, DatabaseAway)):
            return Unavailable("The database did not answer in time.", retry_after=2)
        case _:
            return Problem("The trace id leads operators to the cause.")


def problem_response(problem: Problem, trace_id: str, *, base_url: str) -> Response:
    """Write the problem document."""
    body: dict[str, Any] = {
        **problem.extra,
        "type": f"{base_url.rstrip('/')}/problems/{problem.slug}",
        "title": problem.title(),
        "status": problem.status,
        "detail": problem.detail or problem.title() + ".",
        "retryable": problem.retryable,
        "trace_id": trace_id,
    }
    if problem.errors:
        body["errors"] = problem.errors
    headers = problem.headers()
    return Response(orjson.dumps(body, default=str), problem.status, headers, media_type=MEDIA_TYPE)


def explanation(slug: str) -> Response:
    """Answer `/problems/<slug>`: what the refusal means, in words."""
    known = next((problem for problem in _all(Problem) if problem.slug == slug), None)
    if known is None:
        raise NotFound("No problem has this name.")
    again = "The same request may succeed later." if known.retryable else "The same request will be refused again."
    text = f"{known.title()}\n\nHTTP status {known.status}, slug {slug}. {again}\n"
    rest = inspect.cleandoc(known.__doc__ or "").partition("\n\n")[2]
    return Response(text + (f"\n{rest}\n" if rest else ""), media_type="text/plain")


def _all(kind: type[Problem]) -> Iterator[type[Problem]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _all(child)


def _invalid(error: RequestValidationError) -> Problem:
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return BadRequest("The body is not JSON.")
    # FastAPI leaves the body as bytes when its content type is not the one the route reads.
    if isinstance(error.body, bytes) and any(fault["loc"] == ("body",) for fault in faults):
        return UnsupportedMedia("Send application/json.")
    return Invalid("See the errors.", errors=[_fault(fault) for fault in faults])


def _fault(fault: Mapping[str, Any]) -> dict[str, str]:
    """Say where and what, never the value: pydantic's `input` and `ctx` stay here."""
    place, *path = fault["loc"]
    said = {"pointer": "#" + "".join(f"/{_segment(str(part))}" for part in path), "detail": _wording(fault)}
    return said if place == "body" else {"in": str(place), **said}


def _segment(part: str) -> str:
    # A key is the sender's text too: one that looks like a number of a person is not said back.
    return "*" if re.search(r"\d{8}", part) else part[:64].replace("~", "~0").replace("/", "~1")


def _wording(fault: Mapping[str, Any]) -> str:
    message, given = str(fault["msg"]).removeprefix("Value error, "), fault.get("input")
    if fault["type"].endswith("_parsing"):  # these quote a character or more of the value after the first comma
        message = message.partition(",")[0]
    echoes = fault["type"] == "union_tag_invalid" or (
        isinstance(given, str | int | float) and len(str(given)) > 2 and str(given) in message  # noqa: PLR2004  shorter texts occur by chance
    )
    return "does not fit" if echoes else message


def digits_are_personal(note: str) -> bool:
    """Tell whether a free text holds 8 or more consecutive digits, as a NIK or a phone number would."""
    return re.search(r"\d{8}", note) is not None
