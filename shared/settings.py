"""What every service is told by its environment; each service adds its own in its `settings.py`."""

import sys
from pathlib import Path
from typing import TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """Settings common to the four services; each is `REKAM_<NAME>` in the environment."""

    model_config = SettingsConfigDict(env_prefix="REKAM_", frozen=True, extra="ignore")

    postgres_dsn: str = Field(description="Data source name of this service's own database.")
    kafka_bootstrap: str = Field(description="host:port of a Kafka broker.")
    http_host: str = Field("127.0.0.1", description="Address the HTTP API listens on.")
    http_port: int = Field(description="Port the HTTP API listens on.")
    public_url: str = Field("", description="Address others know this service by; empty: taken from the request.")
    instance: str = Field("0", description="Name of this replica among its service's; stable over restarts.")
    partitions: int = Field(6, ge=1, le=256, description="Partitions of every topic; fixed at creation.")
    issuer_url: str = Field(description="Who issues bearer tokens (RFC 9068 `iss`); its JWKS is read from there.")
    audience: str = Field("rekam", description="The `aud` a token must carry.")
    otlp_url: str = Field("", description="Base address of the OTLP/HTTP collector; empty: spans go nowhere.")
    traces_url: str = Field("", description="Base address of the page that shows a trace at /traces/{id}.")
    company_seconds: float = Field(0.05, ge=0, le=1, description="How long heard events wait for others to join them.")
    niceness: int = Field(0, ge=0, le=19, description="How far this process stands back when the processor is full.")
    pool_size: int = Field(8, ge=2, description="Connections to PostgreSQL this process may hold.")
    request_key: str = Field("", description="Hex key of the HMAC over idempotent request bodies.")
    offices_file: Path = Field(Path("deploy/offices.json"), description="The offices this installation serves.")
    store_dir: Path | None = Field(None, description="Folder of the packet store that intake and recording mount.")


S = TypeVar("S", bound=ServiceSettings)


def read_settings(kind: type[S]) -> S:
    """Read the environment once; a bad or missing value stops the start and names its variable."""
    try:
        return kind()
    except ValidationError as error:
        named = {f"REKAM_{'_'.join(str(part) for part in e['loc'])}".upper(): e["msg"] for e in error.errors()}
        sys.exit("cannot start: " + "; ".join(f"{name}: {message}" for name, message in named.items()))
