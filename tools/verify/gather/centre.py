"""The centre's journal and register, by its control API."""

from typing import Any

import httpx

from tools.verify.seen import Call, Registered

_PAGE = 50_000


async def read_journal(control: str, *, after: int = 0, is_settled: bool = True) -> list[Call]:
    """Read every call the centre saw after a place in its journal."""
    calls: list[Call] = []
    async with _client(control) as client:
        while True:
            page = (await client.get("/journal", params={"after": after, "limit": _PAGE})).raise_for_status().json()
            calls += [_call(item, is_settled=is_settled) for item in page["items"]]
            if len(page["items"]) < _PAGE:
                return calls
            after = page["next"]


async def read_records(control: str) -> list[Registered]:
    """Read what the centre holds."""
    async with _client(control) as client:
        items = (await client.get("/records")).raise_for_status().json()["items"]
    return [
        Registered(
            recording_id=item["recording_id"],
            packet_version=item["packet_version"],
            digest=item["digest"],
            registrations={int(version): count for version, count in item["registrations"].items()},
        )
        for item in items
    ]


def _client(control: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=control, timeout=20, trust_env=False)


def _call(item: dict[str, Any], *, is_settled: bool) -> Call:
    return Call(
        seq=item["seq"],
        operation=item["operation"],
        recording_id=item["recording_id"],
        attempt=item["attempt"],
        key=item["key"],
        has_effect=item["effect"],
        packet_version=item["packet_version"],
        digest=item["digest"],
        is_settled=is_settled,
    )
