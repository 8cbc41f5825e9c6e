"""`python -m tools.token ROLE OFFICE`: print a bearer token of the running local issuer."""

import sys

import httpx

from tools.local.endpoints import Endpoints
from tools.local.places import endpoints_file


def fetch_token(issuer: str, role: str, offices: str, *, lifetime_seconds: int = 3600) -> str:
    """Ask an issuer for a token, as an integrating agency would."""
    form = {
        "grant_type": "client_credentials",
        "client_id": f"{role}:{offices}",
        "client_secret": "local",
        "expires_in": str(lifetime_seconds),
    }
    answer = httpx.post(f"{issuer}/oauth/token", data=form, timeout=5, trust_env=False)
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def main() -> None:
    """Print a token for the role and office on the command line."""
    if len(sys.argv) != 3:  # noqa: PLR2004  the program, a role, an office
        sys.exit("usage: python -m tools.token ROLE OFFICE, for example: officer 32.16.06")
    if not endpoints_file().exists():
        sys.exit(f"{endpoints_file()} is absent: run `make up` first")
    try:
        print(fetch_token(Endpoints.read(endpoints_file()).issuer, sys.argv[1], sys.argv[2]))
    except httpx.HTTPStatusError:
        sys.exit("the issuer knows no such role or office (docs/roles.md)")
    except httpx.TransportError:
        sys.exit("the issuer does not answer: run `make up`")


if __name__ == "__main__":
    main()
