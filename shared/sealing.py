"""Seals what the platform stores and cannot read; the bytes are fixed in docs/contracts/packet.md."""

import base64
import binascii
import hashlib
import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

Kind = Literal["identity", "packet", "contact"]

ALGORITHM = "HPKE-X25519-SHA256-A256GCM"
MAGIC = b"RKSL"
FORMAT_VERSION = 1

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_ENC_SIZE = 32
_WRAPPED_SIZE = 48
_NONCE_SIZE = 12
_TAG_SIZE = 16
_HEADER = struct.Struct(">4sBB")
_LENGTHS = struct.Struct(">HH")


class CannotOpen(Exception):
    """The sealed bytes do not belong to this key and label, or were changed."""


@dataclass(frozen=True, slots=True)
class Label:
    """What the sealed bytes are bound to; opening under any other label fails."""

    recording_id: UUID
    office: str
    packet_version: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class SealingKey:
    """The public half: whoever holds it can seal and cannot open."""

    key_id: str
    public: X25519PublicKey

    @classmethod
    def from_file(cls, path: Path | str) -> Self:
        """Read a `*.public.json` file."""
        return cls.from_json(json.loads(Path(path).read_text()))

    @classmethod
    def from_json(cls, jwk: dict[str, str]) -> Self:
        """Take a key as `GET /v1/sealing-keys` publishes it."""
        _require_known_algorithm(jwk)
        return cls(jwk["kid"], X25519PublicKey.from_public_bytes(_from_base64url(jwk["x"])))

    def to_json(self) -> dict[str, str]:
        """Return the key as a JWK (RFC 8037), fit to publish."""
        x = _to_base64url(self.public.public_bytes_raw())
        return {"kty": "OKP", "crv": "X25519", "use": "enc", "alg": ALGORITHM, "kid": self.key_id, "x": x}


@dataclass(frozen=True, slots=True, repr=False)
class OpeningKey:
    """The private half; it never prints itself."""

    key_id: str
    private: X25519PrivateKey

    @classmethod
    def generate(cls) -> Self:
        """Make a new key whose id is the digest of its public half."""
        private = X25519PrivateKey.generate()
        return cls(hashlib.sha256(private.public_key().public_bytes_raw()).hexdigest()[:16], private)

    @classmethod
    def from_file(cls, path: Path | str) -> Self:
        """Read a `*.private.json` file."""
        jwk = json.loads(Path(path).read_text())
        _require_known_algorithm(jwk)
        return cls(jwk["kid"], X25519PrivateKey.from_private_bytes(_from_base64url(jwk["d"])))

    def sealing_key(self) -> SealingKey:
        """Return the half that may be published."""
        return SealingKey(self.key_id, self.private.public_key())

    def to_json(self) -> dict[str, str]:
        """Return the whole key as a JWK, for a file of mode 0600 and nothing else."""
        return {**self.sealing_key().to_json(), "d": _to_base64url(self.private.private_bytes_raw())}


def seal(key: SealingKey, label: Label, plain: bytes) -> bytes:
    """Seal bytes to a key under a label (about 0.1 ms and the size's own time: call it in a thread)."""
    data_key, nonce = AESGCM.generate_key(256), os.urandom(_NONCE_SIZE)
    aad = _bound_to(label)
    ciphertext = AESGCM(data_key).encrypt(nonce, plain, aad)
    wrapped = _SUITE.encrypt(data_key, key.public, _wrapping_info(aad, ciphertext, key.key_id))
    enc, wrapped_key = wrapped[:_ENC_SIZE], wrapped[_ENC_SIZE:]
    key_id = key.key_id.encode()
    head = _HEADER.pack(MAGIC, FORMAT_VERSION, len(key_id)) + key_id + _LENGTHS.pack(len(enc), len(wrapped_key))
    return b"".join((head, enc, wrapped_key, nonce, ciphertext))


def open_sealed(key: OpeningKey, label: Label, sealed: bytes) -> bytes:
    """Open sealed bytes; any other key, label or changed byte raises CannotOpen."""
    parts = _split(sealed)
    if parts.key_id != key.key_id:
        raise CannotOpen("sealed to another key")
    aad = _bound_to(label)
    try:
        data_key = _SUITE.decrypt(parts.wrapped, key.private, _wrapping_info(aad, parts.ciphertext, key.key_id))
        return AESGCM(data_key).decrypt(parts.nonce, parts.ciphertext, aad)
    except (InvalidTag, ValueError):
        # The cause is dropped on purpose: which check failed is of use to an attacker only.
        raise CannotOpen("another label, or changed bytes") from None


def sealed_to(sealed: bytes) -> str:
    """Name the key the bytes claim to be sealed to, without opening them."""
    return _split(sealed).key_id


@dataclass(frozen=True, slots=True)
class _Parts:
    key_id: str
    wrapped: bytes
    nonce: bytes
    ciphertext: bytes


def _split(sealed: bytes) -> _Parts:
    try:
        magic, version, id_size = _HEADER.unpack_from(sealed)
        lengths_at = _HEADER.size + id_size
        key_id = sealed[_HEADER.size : lengths_at].decode("ascii")
        enc_size, wrapped_size = _LENGTHS.unpack_from(sealed, lengths_at)
    except (struct.error, UnicodeDecodeError):
        raise CannotOpen("not sealed bytes") from None
    if (magic, version, enc_size, wrapped_size) != (MAGIC, FORMAT_VERSION, _ENC_SIZE, _WRAPPED_SIZE):
        raise CannotOpen("not sealed bytes of a known version")
    wrapped_at = lengths_at + _LENGTHS.size
    nonce_at = wrapped_at + _ENC_SIZE + _WRAPPED_SIZE
    text_at = nonce_at + _NONCE_SIZE
    if len(sealed) < text_at + _TAG_SIZE:
        raise CannotOpen("sealed bytes cut short")
    return _Parts(key_id, sealed[wrapped_at:nonce_at], sealed[nonce_at:text_at], sealed[text_at:])


def _bound_to(label: Label) -> bytes:
    kind, office = label.kind.encode(), label.office.encode()
    sizes = struct.pack(">BBI", len(kind), len(office), label.packet_version)
    return b"".join((b"rekam sealed v1", label.recording_id.bytes, sizes, kind, office))


def _wrapping_info(aad: bytes, ciphertext: bytes, key_id: str) -> bytes:
    return aad + hashlib.sha256(ciphertext).digest() + key_id.encode()


def _require_known_algorithm(jwk: dict[str, str]) -> None:
    if jwk.get("alg") != ALGORITHM:
        raise ValueError("a sealing key must say its algorithm", ALGORITHM)


def _to_base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _from_base64url(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise ValueError("a sealing key is not base64url") from None
