"""Every key the local stack needs: sealing keys, the local TLS authority, the issuer's key, the HMAC secrets."""

import datetime as dt
import ipaddress
import json
import os
import secrets
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from shared.sealing import OpeningKey

_DAY = dt.timedelta(days=1)
_LOOPBACK = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
_ELSEWHERE = x509.SubjectAlternativeName([x509.DNSName("elsewhere.invalid")])


def write_all(folder: Path) -> None:
    """Write every key that is missing and keep those that exist: sealed bytes outlive a restart."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("centre_sealing", "contact_sealing"):
        _keep_or_write(folder / f"{name}.private.json", lambda: _json(OpeningKey.generate().to_json()), secret=True)
        public = OpeningKey.from_file(folder / f"{name}.private.json").sealing_key().to_json()
        _keep_or_write(folder / f"{name}.public.json", partial(_json, public))
    _keep_or_write(folder / "secrets.json", lambda: _json(_new_secrets()), secret=True)
    _keep_or_write(folder / "issuer.key", lambda: _pem(Ed25519PrivateKey.generate()), secret=True)
    _write_certificates(folder)


def _write_certificates(folder: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    authority = _key_at(folder / "ca.key")
    _keep_or_write(folder / "ca.pem", lambda: _authority(authority, now))
    ca = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    leaf = _key_at(folder / "centre.key")
    for name, names, until in (
        ("centre.pem", _LOOPBACK, now + 825 * _DAY),
        ("expired.pem", _LOOPBACK, now - _DAY),
        ("wronghost.pem", _ELSEWHERE, now + 825 * _DAY),
    ):
        _keep_or_write(folder / name, partial(_leaf, leaf, ca, authority, names, until))


def _key_at(path: Path) -> ec.EllipticCurvePrivateKey:
    _keep_or_write(path, lambda: _pem(ec.generate_private_key(ec.SECP256R1())), secret=True)
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the key file holds no elliptic-curve key", path.name)
    return key


def _authority(key: ec.EllipticCurvePrivateKey, now: dt.datetime) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Rekam local authority (test double)")])
    certificate = (
        _validity(name, name, now - 400 * _DAY, now + 3650 * _DAY)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM)


def _leaf(
    key: ec.EllipticCurvePrivateKey,
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    names: x509.SubjectAlternativeName,
    until: dt.datetime,
) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Rekam simulated centre")])
    certificate = (
        _validity(subject, ca.subject, dt.datetime.now(dt.UTC) - 30 * _DAY, until)
        .public_key(key.public_key())
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM)


def _validity(subject: x509.Name, issuer: x509.Name, since: dt.datetime, until: dt.datetime) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    return builder.serial_number(x509.random_serial_number()).not_valid_before(since).not_valid_after(until)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _new_secrets() -> dict[str, str]:
    return {
        "blind_index_keys": f"1:{secrets.token_hex(32)}",
        "check_key": secrets.token_hex(32),
        "request_key": secrets.token_hex(32),
    }


def _pem(key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _json(value: dict[str, str]) -> bytes:
    return json.dumps(value, indent=2).encode() + b"\n"


def _keep_or_write(path: Path, make: Callable[[], bytes], *, secret: bool = False) -> None:
    if path.exists():
        return
    # Written beside and renamed, so that a crash in between leaves no half key to be kept for ever.
    beside = path.with_suffix(f".{os.getpid()}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if secret else 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(make())
    beside.rename(path)


if __name__ == "__main__":
    write_all(Path(sys.argv[1] if len(sys.argv) > 1 else os.environ["REKAM_KEYS_DIR"]))
