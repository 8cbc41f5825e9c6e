"""Who stands behind an owner: role words until an installation names its organisations."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.events.vocabulary import Owner

_ROLES = {
    Owner.OFFICE: "kantor kecamatan",
    Owner.REGENCY_NETWORK: "pengelola jaringan kabupaten/kota",
    Owner.CARRIER: "penyedia jaringan",
    Owner.CENTRE_NETWORK: "pengelola jaringan pusat",
    Owner.CENTRE: "pengelola server pusat",
    Owner.US: "pengelola aplikasi perekaman",
    Owner.UNDETERMINED: "belum dapat ditentukan",
}


@dataclass(frozen=True, slots=True)
class Organisation:
    name: str
    contact: str = ""


def organisation_of(owner: Owner, told: Mapping[str, str]) -> Organisation:
    """Name an organisation as it was told, else by its role."""
    return Organisation(told.get("name") or _ROLES[owner], told.get("contact", ""))
