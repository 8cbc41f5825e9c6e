"""`python -m tools.seal`: a capture packet of made-up bytes, sealed to the centre's key, for a walk by curl."""

import argparse
import datetime as dt
import hashlib
import os
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import orjson

from shared.sealing import Label, SealingKey, seal

_HEADER = b"FIKTIF / MADE-UP REKAM PACKET: random bytes, nobody's photo, nobody's prints\n"
_DEFAULT_KEY = ".local/keys/centre_sealing.public.json"


def made_up_packet(size: int) -> bytes:
    """Return bytes that say they are made up, and are otherwise random, as biometrics that do not compress."""
    return _HEADER + os.urandom(max(size - len(_HEADER), 0))


def manifest_of(packet: bytes, packet_version: int, captured_at: dt.datetime) -> dict[str, Any]:
    """Return what an officer's front-end says beside a packet."""
    return {
        "packet_version": packet_version,
        "packet_digest": f"sha-256:{hashlib.sha256(packet).hexdigest()}",
        "captured_at": captured_at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z"),
        "modalities": [
            {"modality": "photo", "quality": 91},
            {"modality": "signature", "quality": 84},
            {"modality": "fingerprints", "quality": 78},
            {"modality": "irises", "quality": 82},
        ],
        "missing_fingers": [],
    }


def sealing_key_from(intake: str | None, key_file: Path) -> SealingKey:
    """Ask intake for the centre's key, or read it from a file."""
    if intake is None:
        return SealingKey.from_file(key_file)
    published = httpx.get(f"{intake.rstrip('/')}/v1/sealing-keys", timeout=10).raise_for_status().json()
    return SealingKey.from_json(_first_key(published))


def main(arguments: list[str]) -> int:
    """Write the packet and its manifest; print both the digest and the manifest."""
    asked = _parser().parse_args(arguments)
    key = sealing_key_from(asked.intake, asked.key)
    label = Label(asked.recording, asked.office, asked.version, "packet")
    packet = seal(key, label, made_up_packet(asked.size))
    asked.out.write_bytes(packet)
    manifest = manifest_of(packet, asked.version, dt.datetime.now(dt.UTC))
    if asked.manifest is not None:
        asked.manifest.write_bytes(orjson.dumps(manifest))
    print(manifest["packet_digest"])
    print(orjson.dumps(manifest).decode())
    return 0


def _first_key(published: Any) -> dict[str, str]:
    """Take the first key, whether intake lists them bare, as `keys` (JWK set) or as `items`."""
    listed = published.get("keys") or published.get("items") if isinstance(published, dict) else published
    first = listed[0] if isinstance(listed, list) else published
    if not isinstance(first, dict):
        raise TypeError("intake published no sealing key")
    return first


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.seal", description=__doc__)
    parser.add_argument("--recording", type=UUID, required=True)
    parser.add_argument("--office", required=True, help="the office the recording was opened at, as 32.16.06")
    parser.add_argument("--version", type=int, default=1, help="packet version")
    parser.add_argument("--size", type=int, default=120_000, help="bytes before sealing")
    parser.add_argument("--key", type=Path, default=Path(_DEFAULT_KEY), help="the centre's public sealing key")
    parser.add_argument("--intake", help="ask this intake for the key instead, as http://127.0.0.1:8001")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--manifest", type=Path, help="write the manifest here as well")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
