"""The recording service as an operator's shell asks it: one answer, one refusal, or none at all."""

import os
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from tools.local.endpoints import Endpoints
from tools.local.places import endpoints_file
from tools.token import fetch_token

_TIMEOUT = httpx.Timeout(20, connect=5)


class Refused(Exception):
    """The service said no; it is written as its problem document says it."""


class NoAnswer(Exception):
    """The service, or what leads to it, did not answer; nothing is known of the effect."""


class NotSet(Exception):
    """Where to ask, or as whom, was not said."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The API of recording for one operator; `key` names the one command that is given."""

    url: str
    token: str
    key: str

    def reads(self, path: str, **params: Any) -> Any:
        """Read; parameters that are absent are not sent."""
        return self._ask("GET", path, params={name: value for name, value in params.items() if value is not None})

    def tells(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Give a command under its key: told twice, it is done once."""
        return self._ask(method, path, json=body or {})

    def page(self, path: str) -> str:
        """Read what is made for printing."""
        return self._send("GET", path, headers={"Accept": "text/html"}).text

    def _ask(self, method: str, path: str, **content: Any) -> Any:
        return self._send(method, path, **content).json()

    def _send(self, method: str, path: str, headers: dict[str, str] | None = None, **content: Any) -> httpx.Response:
        held = {"Accept": "application/json", **(headers or {}), "Authorization": f"Bearer {self.token}"}
        if method != "GET":
            held["Idempotency-Key"] = self.key
        try:
            answer = httpx.request(
                method, f"{self.url}/v1{path}", headers=held, timeout=_TIMEOUT, trust_env=False, **content
            )
        except httpx.TransportError as error:
            raise NoAnswer(_unheard(self.url, error, method, self.key)) from error
        if not answer.is_success:
            raise Refused(_why(answer))
        return answer


def recording_for(url: str | None, role: str, offices: str, key: str | None) -> Recording:
    """Find the service and the token: as told, else those of the running local stack; raises `NotSet`, `NoAnswer`."""
    ends = Endpoints.read(endpoints_file()) if endpoints_file().exists() else None
    found = url or (ends.recording if ends else None)
    if found is None:
        raise NotSet(f"{endpoints_file()} is absent: give --url, or run `make up`.")
    token = os.environ.get("REKAM_TOKEN") or (_local_token(ends, role, offices) if ends else None)
    if token is None:
        raise NotSet("Set REKAM_TOKEN to a bearer token: no local issuer is running.")
    return Recording(found.rstrip("/"), token, key or str(uuid4()))


def _local_token(ends: Endpoints, role: str, offices: str) -> str:
    try:
        return fetch_token(ends.issuer, role, offices)
    except httpx.HTTPStatusError as error:
        raise NotSet(f"The local issuer knows no role {role} for {offices} (docs/roles.md).") from error
    except httpx.TransportError as error:
        raise NoAnswer(f"The issuer at {ends.issuer} does not answer; set REKAM_TOKEN, or run `make up`.") from error


def _unheard(url: str, error: httpx.TransportError, method: str, key: str) -> str:
    said = f"The recording service at {url} does not answer ({type(error).__name__})."
    if method == "GET" or isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return f"{said} Nothing was changed."
    return f"{said} It may have been done; repeat the command with --key {key}, and it is done once."


def _why(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    errors = [f"{one.get('pointer', '')} {one.get('detail', '')}".strip() for one in problem.get("errors", ())]
    told = [f"{answer.status_code} {problem.get('title', answer.reason_phrase)}", problem.get("detail", ""), *errors]
    trace = f"trace {problem['trace_id']}" if "trace_id" in problem else ""
    return ": ".join(part.rstrip(".") for part in (*told, trace) if part)
