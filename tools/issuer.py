"""A local identity provider, simulated: it believes every client that knows the word `local`. Never for production.

`python -m tools.issuer` serves it; `python -m tools.issuer roles` prints docs/roles.md.
"""

import hashlib
import re
import sys
import time
import uuid
from pathlib import Path
from typing import Annotated, Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from fastapi import FastAPI, Form
from fastapi.responses import JSONResponse
from jwt.algorithms import OKPAlgorithm
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.http import create_app
from tools import serving

_OFFICER = (
    "register_arrivals accept_captures serve_queue find_people read_recordings read_board read_events read_timeline "
    "hand_over_cards cancel_recordings"
)
ROLES = {
    "officer": _OFFICER,
    "supervisor": _OFFICER + " register_beside correct_arrivals retry_stages read_attempts",
    "regency": "read_recordings read_board read_events read_timeline read_attempts retry_stages retry_groups "
    "operate_gates move_blanks read_blanks send_advisories read_messages",
    "sre": "read_recordings read_attempts retry_stages retry_groups operate_gates read_events read_board read_timeline "
    "replay_quarantine read_messages read_blanks",
    "agency": "register_arrivals read_recordings read_events read_timeline",
    "auditor": "read_access_log",
}
_ABOUT_ROLES = """# Roles and scopes

Written by `python -m tools.issuer roles`; the table in `tools/issuer.py` is the source. A scope is a verb; which
offices it reaches is the claim `offices` (a code, a prefix that ends at a dot, or `*`). Without a token every address
answers 401, without the scope 403, for a foreign office 404.
"""
_OFFICE = re.compile(r"\*|\d{2}(\.\d{2,4}){0,3}\.?")
_LIFETIME_SECONDS = 3600


class IssuerSettings(BaseSettings):
    """What the issuer is told by its environment."""

    model_config = SettingsConfigDict(env_prefix="REKAM_", frozen=True, extra="ignore")

    keys_dir: Path = Field(description="Folder of issuer.key; the key is made when absent.")
    issuer_port: int = 8005
    issuer_url: str = ""
    audience: str = "rekam"


class Issuer:
    """Signs what its settings say."""

    def __init__(self, key: Ed25519PrivateKey, *, url: str, audience: str) -> None:
        self._key = key
        self.url = url
        self._audience = audience
        public = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
        self._kid = hashlib.sha256(str(public["x"]).encode()).hexdigest()[:16]
        self.jwks = {"keys": [{**public, "kid": self._kid, "use": "sig", "alg": "EdDSA"}]}

    def token(self, client_id: str, *, lifetime_seconds: int) -> dict[str, Any] | None:
        """Give a token answer for `role:office,office`, or nothing when there is no such role or office."""
        role, _, listed = client_id.partition(":")
        offices = [office for office in listed.split(",") if office]
        if role not in ROLES or not all(_OFFICE.fullmatch(office) for office in offices):
            return None
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": self._audience,
            "sub": client_id,
            "client_id": client_id,
            "iat": min(now, now + lifetime_seconds),
            "exp": now + lifetime_seconds,
            "jti": str(uuid.uuid4()),
            "scope": ROLES[role],
            "offices": offices,
            "role": role,
        }
        signed = jwt.encode(claims, self._key, "EdDSA", headers={"typ": "at+jwt", "kid": self._kid})
        return {"access_token": signed, "token_type": "Bearer", "expires_in": lifetime_seconds, "scope": ROLES[role]}


def issuer_app(issuer: Issuer) -> FastAPI:
    """Make the issuer's HTTP API."""
    title = "Rekam local issuer (simulated identity provider)"
    app = create_app(title=title, version="1", is_ready=serving.nothing_to_wait_for)

    @app.post("/oauth/token")
    async def token(
        grant_type: Annotated[str, Form()],
        client_id: Annotated[str, Form()],
        client_secret: Annotated[str, Form()],
        expires_in: Annotated[int, Form()] = _LIFETIME_SECONDS,
    ) -> JSONResponse:
        """Give an access token (RFC 6749, 4.4); a negative `expires_in` gives one that is expired, for tests."""
        if grant_type != "client_credentials":
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        is_known = client_secret == "local"  # noqa: S105  public on purpose
        answer = issuer.token(client_id, lifetime_seconds=expires_in) if is_known else None
        if answer is None:
            return JSONResponse({"error": "invalid_client"}, 401)
        return JSONResponse(answer, headers={"cache-control": "no-store"})

    @app.get("/.well-known/jwks.json")
    async def jwks() -> dict[str, Any]:
        """Publish the keys tokens are signed with."""
        return issuer.jwks

    @app.get("/.well-known/openid-configuration")
    async def discovery() -> dict[str, Any]:
        """Publish where everything is."""
        return {
            "issuer": issuer.url,
            "token_endpoint": f"{issuer.url}/oauth/token",
            "jwks_uri": f"{issuer.url}/.well-known/jwks.json",
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["EdDSA"],
            "scopes_supported": sorted({scope for scopes in ROLES.values() for scope in scopes.split()}),
        }

    return app


def issuer_of(settings: IssuerSettings) -> Issuer:
    """Read, or make, the issuer's key."""
    path = settings.keys_dir / "issuer.key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.touch(mode=0o600)
        path.write_bytes(made)
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError("issuer.key holds no Ed25519 key")
    url = settings.issuer_url or f"http://127.0.0.1:{settings.issuer_port}"
    return Issuer(key, url=url.rstrip("/"), audience=settings.audience)


def roles_page() -> str:
    """Write docs/roles.md: scopes by role."""
    scopes = list(dict.fromkeys(scope for scopes in ROLES.values() for scope in scopes.split()))
    rows = [
        f"| `{scope}` | " + " | ".join("x" if scope in ROLES[r].split() else "" for r in ROLES) + " |"
        for scope in scopes
    ]
    head = ["| Scope | " + " | ".join(ROLES) + " |", "| --- |" + " :-: |" * len(ROLES)]
    return "\n".join([_ABOUT_ROLES, *head, *rows]) + "\n"


def main() -> None:
    """Serve the issuer, or print the roles."""
    if sys.argv[1:] == ["roles"]:
        print(roles_page(), end="")
        return
    settings = IssuerSettings()
    serving.run(issuer_app(issuer_of(settings)), port=settings.issuer_port)


if __name__ == "__main__":
    main()
