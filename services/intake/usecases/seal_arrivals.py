"""Seals who a person is before anything is written: a NIK is never stored in clear (ARCHITECTURE §5)."""

import base64
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import orjson

from services.intake.domain.receipts import BITS, receipt_of
from services.intake.domain.visits import Arrival, Contact, Identity
from shared.ids import uuid7
from shared.packets import PacketStore, digest_of
from shared.sealing import Label, SealingKey, seal

IDENTITY_VERSION = 1
# What notification opens a contact under; its newest is told by the order of events.
_CONTACT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Vault:
    """The store and the keys: it can seal and look up, and cannot open."""

    store: PacketStore
    centre_key: SealingKey
    contact_key: SealingKey
    check_key: bytes
    blind_keys: Mapping[int, bytes]

    def nik_hmacs(self, nik: str) -> dict[int, bytes]:
        """Give the blind index of a NIK under every key version."""
        return {version: hmac.digest(key, nik.encode(), "sha256") for version, key in self.blind_keys.items()}

    def check_hmac(self, receipt_code: str, birth_date: date) -> str:
        """Give what proves a receipt and a birth date to belong together."""
        return hmac.digest(self.check_key, f"{receipt_code}|{birth_date}".encode(), "sha256").hex()

    def sealed_contact(self, recording_id: UUID, office: str, receipt_code: str, contact: Contact) -> str:
        """Seal a contact to notification alone."""
        said = {"phone": contact.phone, "email": contact.email, "language": contact.language}
        plain = {name: value for name, value in said.items() if value} | {"receipt_code": receipt_code}
        label = Label(recording_id, office, _CONTACT_VERSION, "contact")
        return base64.b64encode(seal(self.contact_key, label, orjson.dumps(plain))).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What may be stored of an arrival, should it become a new recording."""

    recording_id: UUID
    receipt_code: str
    check_hmac: str
    nik_hmacs: Mapping[int, bytes]
    dataref: str
    digest: str
    sealed_contact: str | None


def seal_arrivals(vault: Vault, arrivals: Sequence[Arrival]) -> list[Sealed]:
    """Seal all and keep the bytes with one fsync (blocking: call it in a thread); raises `SpoolFull`."""
    named = [(uuid7(), receipt_of(secrets.randbits(BITS))) for _ in arrivals]
    identities = [
        _identity(vault, Label(name[0], arrival.office, IDENTITY_VERSION, "identity"), arrival)
        for name, arrival in zip(named, arrivals, strict=True)
    ]
    datarefs = vault.store.put_many("identities", identities)
    return [
        Sealed(
            recording_id=recording_id,
            receipt_code=receipt_code,
            check_hmac=vault.check_hmac(receipt_code, arrival.birth_date),
            nik_hmacs=vault.nik_hmacs(arrival.nik),
            dataref=dataref,
            digest=digest_of(identity),
            sealed_contact=_contact(vault, recording_id, receipt_code, arrival),
        )
        for (recording_id, receipt_code), arrival, identity, dataref in zip(
            named, arrivals, identities, datarefs, strict=True
        )
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedIdentity:
    """A version of an identity that is durable and not yet named by a row; the office is part of its seal."""

    office: str
    dataref: str
    digest: str

    @property
    def segment(self) -> str:
        """Name the file it lies in, alone."""
        return self.dataref.partition("#")[0]


def seal_identity(vault: Vault, recording_id: UUID, office: str, version: int, identity: Identity) -> SealedIdentity:
    """Seal a later version and keep its bytes (blocking: call it in a thread); raises `SpoolFull`."""
    sealed = _identity(vault, Label(recording_id, office, version, "identity"), identity)
    (dataref,) = vault.store.put_many("identities", [sealed])
    return SealedIdentity(office=office, dataref=dataref, digest=digest_of(sealed))


def segment_of(sealed: Sequence[Sealed]) -> str:
    """Name the file that one call of `seal_arrivals` wrote."""
    return sealed[0].dataref.partition("#")[0]


def _identity(vault: Vault, label: Label, of: Arrival | Identity) -> bytes:
    plain = orjson.dumps({"nik": of.nik, "name": of.name, "birth_date": of.birth_date, "sex": of.sex})
    return seal(vault.centre_key, label, plain)


def _contact(vault: Vault, recording_id: UUID, receipt_code: str, arrival: Arrival) -> str | None:
    if arrival.contact is None:
        return None
    return vault.sealed_contact(recording_id, arrival.office, receipt_code, arrival.contact)
