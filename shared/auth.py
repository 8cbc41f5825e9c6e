"""Bearer tokens (RFC 9068): who asks, with which verbs, for which offices."""

import asyncio
import hashlib
import time
import urllib.request
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

import jwt
import orjson
import structlog
from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from shared.problems import MissingScope, NotFound, Unauthorized, Unavailable

_REFRESH_SECONDS = 30.0
_FIRST_FETCH_SECONDS = 1.0
_KEPT_TOKENS = 10_000
# The issuer stands beside us; a proxy from the environment would only add a way to fail.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_bearer = HTTPBearer(auto_error=False)
log = structlog.get_logger(__name__)


class TokenExpired(Unauthorized):
    """The bearer token has expired."""

    slug = "token-expired"


class TokenInvalid(Unauthorized):
    """The bearer token is not one this service believes."""

    slug = "token-invalid"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a verified token speaks for."""

    subject: str
    client_id: str
    role: str
    scopes: frozenset[str]
    offices: tuple[str, ...]

    def may_see(self, office: str) -> bool:
        """Tell whether this office code (or prefix) lies inside the caller's offices."""
        return any(own in ("*", office) or (own.endswith(".") and office.startswith(own)) for own in self.offices)

    def office_patterns(self) -> list[str]:
        """Give the offices as patterns for `office LIKE ANY($n)`; empty means none."""
        return ["%" if own == "*" else _escaped(own) + "%" * own.endswith(".") for own in self.offices]


class Keys:
    """The issuer's public keys; once known they stay in force while the issuer is away."""

    def __init__(self, issuer_url: str) -> None:
        self._url = issuer_url.rstrip("/") + "/.well-known/jwks.json"
        self._keys: dict[str, jwt.PyJWK] = {}
        self._asked_at = float("-inf")
        self._lock = asyncio.Lock()

    async def fetch(self) -> None:
        """Ask the issuer for its keys; one that is away changes nothing."""
        self._asked_at = time.monotonic()
        try:
            async with asyncio.timeout(5):
                body = await asyncio.to_thread(_get, self._url)
            entries = [jwt.PyJWK(entry) for entry in orjson.loads(body)["keys"] if entry.get("kty") != "oct"]
            self._keys = {key.key_id: key for key in entries if key.key_id}
        except (OSError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
            log.warning("issuer keys not read", kept=len(self._keys), error=type(error).__name__)

    async def key(self, kid: str) -> jwt.PyJWK:
        """Give the key of this id, asking the issuer again when it is new, though not more than now and then."""
        if kid not in self._keys:
            await self._refresh(kid)
        if not self._keys:
            raise Unavailable("The issuer's keys could not be read yet.", retry_after=2)
        if kid not in self._keys:
            raise TokenInvalid("The token is signed with a key the issuer does not publish.")
        return self._keys[kid]

    async def _refresh(self, kid: str) -> None:
        async with self._lock:
            pause = _REFRESH_SECONDS if self._keys else _FIRST_FETCH_SECONDS
            if kid not in self._keys and time.monotonic() - self._asked_at >= pause:
                await self.fetch()


class Authorizer:
    """Verifies tokens and remembers the verdict: a signature costs more than the rest of a small request."""

    def __init__(self, keys: Keys, *, audience: str, issuer: str) -> None:
        self.keys = keys
        self._audience = audience
        self._issuer = issuer
        self._known: OrderedDict[bytes, tuple[Caller, float]] = OrderedDict()

    async def caller(self, authorization: str | None) -> Caller:
        """Give the caller behind an `Authorization` header, or refuse with 401."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthorized("Send Authorization: Bearer with a token of the issuer.")
        digest = hashlib.sha256(token.encode()).digest()
        if digest in self._known:
            return self._remembered(digest)
        claims = await self._verified(token)
        self._known[digest] = (_caller(claims), float(claims["exp"]))
        if len(self._known) > _KEPT_TOKENS:
            self._known.popitem(last=False)
        return self._known[digest][0]

    def _remembered(self, digest: bytes) -> Caller:
        caller, expires = self._known[digest]
        if time.time() >= expires:
            del self._known[digest]
            raise TokenExpired("Ask the issuer for a new one.")
        self._known.move_to_end(digest)
        return caller

    async def _verified(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            if str(header.get("typ", "")).lower().removeprefix("application/") != "at+jwt":
                raise TokenInvalid("The token is not an access token (typ at+jwt).")
            key = await self.keys.key(str(header.get("kid", "")))
            # A clock that differs must not close the office: iat is required, not compared.
            options: Any = {"require": ["exp", "iat", "sub", "client_id", "aud", "iss"], "verify_iat": False}
            return jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self._audience,
                issuer=self._issuer,
                options=options,
            )
        except jwt.ExpiredSignatureError:
            raise TokenExpired("Ask the issuer for a new one.") from None
        except jwt.PyJWTError as error:
            raise TokenInvalid("The token was refused.") from error


@cache
def needs(scope: str) -> Any:
    """Make the dependency that admits callers holding this verb, and refuses others with 401 or 403."""
    scope_needed = f"This needs the scope {scope}."

    async def permitted(
        request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
    ) -> Caller:
        authorizer: Authorizer = request.app.state.authorizer
        caller = await authorizer.caller(f"Bearer {bearer.credentials}" if bearer else None)
        if scope not in caller.scopes:
            raise MissingScope(scope_needed)
        return caller

    return Depends(permitted)


def needs_office(caller: Caller, office: str) -> None:
    """Refuse a foreign office as if it did not exist."""
    if not caller.may_see(office):
        raise NotFound("No such thing in your offices.")


def _caller(claims: dict[str, Any]) -> Caller:
    return Caller(
        subject=str(claims["sub"]),
        client_id=str(claims["client_id"]),
        role=str(claims.get("role", "")),
        scopes=frozenset(str(claims.get("scope", "")).split()),
        offices=tuple(str(office) for office in claims.get("offices", ())),
    )


def _escaped(office: str) -> str:
    return office.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def _get(url: str) -> bytes:
    with _opener.open(url, timeout=3) as answer:
        body: bytes = answer.read(1 << 20)
        return body
