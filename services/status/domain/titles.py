"""What an event is called before people, in Indonesian and English; no refusal for a fault of line or server."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Title:
    """One title in both languages."""

    id: str
    en: str


_TITLES = {
    "applicant.arrived.v1": Title("Terdaftar", "Registered"),
    "applicant.corrected.v1": Title("Data identitas dibetulkan", "Identity corrected"),
    "applicant.returned.v1": Title("Datang kembali", "Came again"),
    "applicant.called.v1": Title("Dipanggil ke loket", "Called to the counter"),
    "applicant.served.v1": Title("Selesai dilayani di loket", "Served at the counter"),
    "applicant.no_show.v1": Title("Tidak hadir saat dipanggil", "Not there when called"),
    "applicant.undone.v1": Title("Langkah antrean dibatalkan petugas", "The officer took a queue step back"),
    "applicant.sent_home.v1": Title("Pulang, nomor disimpan", "Went home, place kept"),
    "capture.accepted.v1": Title("Rekaman tersimpan aman di kantor", "Recording saved at the office"),
    "recording.attempted.v1": Title("Pusat dihubungi", "The centre was called"),
    "recording.failed.v1": Title("Belum berhasil, kami lanjutkan", "Not yet done, we go on"),
    "recording.parked.v1": Title("Menunggu tindakan petugas", "Waiting for a person to act"),
    "recording.resumed.v1": Title("Dilanjutkan oleh petugas", "Taken up again by an officer"),
    "recording.completed.v1": Title("Selesai", "Finished"),
    "recording.cancelled.v1": Title("Dibatalkan", "Cancelled"),
    "suket.issued.v1": Title("Suket terbit", "Temporary certificate issued"),
    "suket.extended.v1": Title("Suket diperpanjang", "Temporary certificate extended"),
    "card.print_ready.v1": Title("Data tunggal, siap cetak", "Unique at the centre, ready to print"),
    "card.printed.v1": Title("Kartu tercetak", "Card printed"),
    "card.handed_over.v1": Title("Kartu diserahkan", "Card handed over"),
    "notification.sent.v1": Title("Pemberitahuan dikirim", "Message sent"),
    "notification.failed.v1": Title("Pemberitahuan tidak sampai", "Message did not get through"),
}
_CAUSES = {
    "network": Title("jaringan ke pusat putus", "the line to the centre was down"),
    "server": Title("server pusat terganggu", "the centre's server had a fault"),
    "local": Title("sistem kami terganggu", "our own system had a fault"),
    "unknown": Title("sebab masih dicari", "the cause is being looked for"),
    "biometric": Title("hasil rekam belum terbaca jelas", "the prints could not be read clearly"),
    "data": Title("data perlu dicocokkan", "details need matching"),
}
_STAGES = {
    "identity_check": Title("Pencocokan identitas", "Identity check"),
    "submission": Title("Pengiriman ke pusat", "Sending to the centre"),
    "deduplication": Title("Pemeriksaan ketunggalan di pusat", "Uniqueness check at the centre"),
    "card_printing": Title("Pencetakan kartu", "Card printing"),
    "suket_issue": Title("Penerbitan Suket", "Issuing the temporary certificate"),
}


def title_of(event_type: str, data: Mapping[str, Any]) -> Title:
    """Name an event, with its stage and cause where it has them."""
    known = _TITLES.get(event_type, Title(event_type, event_type))
    parts = [part for part in (_STAGES.get(str(data.get("stage"))), known, _CAUSES.get(str(data.get("cause")))) if part]
    return Title(" · ".join(part.id for part in parts), " · ".join(part.en for part in parts))
