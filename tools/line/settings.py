"""Where the line stands and what it leads to."""

import os
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class LineSettings:
    """`namespace` is the network namespace (of `ip netns`) in which the near door and the name server stand."""

    target: tuple[str, int]
    host: str = "127.0.0.1"
    port: int = 0
    control_port: int = 0
    neutral_port: int = 0
    neutral_host: str | None = None
    names_port: int = 0
    name: str = "localhost"
    address: str | None = None
    namespace: str | None = None

    @classmethod
    def from_environment(cls) -> Self:
        """Read REKAM_LINE_*; only the target has no default."""
        told = os.environ
        host, _, port = told["REKAM_LINE_TARGET"].rpartition(":")
        return cls(
            target=(host or "127.0.0.1", int(port)),
            host=told.get("REKAM_LINE_HOST") or told.get("REKAM_HTTP_HOST", "127.0.0.1"),
            port=int(told.get("REKAM_LINE_PORT", "8443")),
            control_port=int(told.get("REKAM_LINE_CONTROL_PORT", "8091")),
            neutral_port=int(told.get("REKAM_LINE_NEUTRAL_PORT", "0")),
            neutral_host=told.get("REKAM_LINE_NEUTRAL_HOST"),
            names_port=int(told.get("REKAM_LINE_NAMES_PORT", "0")),
            name=told.get("REKAM_LINE_NAME", "localhost"),
            address=told.get("REKAM_LINE_ADDRESS"),
            namespace=told.get("REKAM_LINE_NAMESPACE"),
        )
